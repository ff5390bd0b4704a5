"""What a disk may hold after the power went: a log of log.c is read, and states are drawn from it.

What is durable: a write, a truncation, when a sync of the file began after it was done and has ended; a write with O_DSYNC
when it is done; a name (made, renamed, removed) when a sync of its folder, likewise. Of all else that has begun by then each
is, on its own, there, not there or (a write) there in some of its sectors of 512 bytes; a file may have grown without its
bytes, which are then zeros or what stood there before on the disk. A sector is whole, old or new: LMDB's meta record, 120
bytes in one sector, relies on it. A file written through a map (lock.mdb) holds anything.

A file's own sync is not taken to save its name, as some file systems do: that is asking for more than disks do."""
import hashlib, os, shutil

SECTOR = 512
NEVER = float("inf")


class File:
    def __init__(self, data=b""):
        self.data, self.ops = data, []


class Folder:
    def __init__(self):
        self.base, self.now, self.ops = {}, {}, []  # what was durable at first; by the running system; changes of names


class Op:
    """begun and done are positions in the log; durable: from this position on"""
    def __init__(self, begun, what, **more):
        self.begun, self.what, self.done, self.durable = begun, what, NEVER, NEVER
        self.__dict__.update(more)


def snapshot(path):
    """a tree on the disk, all of it durable"""
    if not os.path.isdir(path):
        return File(open(path, "rb").read())
    folder = Folder()
    folder.base = {name: snapshot(f"{path}/{name}") for name in os.listdir(path)}
    folder.now = dict(folder.base)
    return folder


class Log:
    """the operations of a log on the tree that they began with; deaf: as on a disk that does not hear of syncs"""

    def __init__(self, path, root, deaf=False):
        self.deaf = deaf
        self.root, self.fds, self.open, self.ops, self.at = root, {}, {}, [], 0
        with open(path, "rb") as log:
            while line := log.readline():
                self.at += 1
                words = line[:-1].decode()
                kind, rest = words.split(" ", 1)
                getattr(self, "read_" + kind)(rest, log)
        self.end = self.at + 1

    def find(self, path):
        at = self.root
        for name in path.split("/") if path else []:
            at = at.now[name]
        return at

    def place(self, path):
        folder, _, name = path.rpartition("/")
        return self.find(folder), name

    def read_start(self, rest, log):  # a process was killed before what it had begun last
        self.fds, self.open = {}, {}

    def read_open(self, rest, log):
        fd, path = rest.split(" ", 1)
        self.fds[fd] = self.find(path)

    def read_b(self, rest, log):
        number, what, rest = rest.split(" ", 2)
        self.open[number] = op = Op(self.at, what)
        if what == "write":
            fd, offset, size, by_itself = rest.split()
            op.offset, op.data, op.by_itself = int(offset), log.read(int(size)), by_itself == "1"
            op.targets = [self.fds[fd]]
        elif what == "truncate":
            fd, size = rest.split()
            op.size, op.targets = int(size), [self.fds[fd]]
        elif what == "sync":
            op.targets = [self.fds[rest]]
        elif what == "rename":
            (old, old_name), (new, new_name) = map(self.place, rest.split("\t"))
            op.targets, op.changes = [old, new], [(old, old_name, None), (new, new_name, old.now.get(old_name))]
        else:  # create, mkdir, unlink
            folder, name = self.place(rest)
            made = {"create": File, "mkdir": Folder, "unlink": lambda: None}[what]()
            op.targets, op.changes = [folder], [(folder, name, made)]

    def read_d(self, rest, log):
        number, result = rest.split()
        op, result = self.open.pop(number), int(result)
        if op.what == "sync":
            if result == 0 and not self.deaf:
                for earlier in op.targets[0].ops:
                    if earlier.done < op.begun:
                        earlier.durable = min(earlier.durable, self.at)
            return
        if result < 0:
            return
        op.done = self.at
        if op.what == "write":
            op.data = op.data[:result]
            if op.by_itself:
                op.durable = self.at
        self.take(op)

    def take(self, op):
        """it happened, as far as the running system sees"""
        self.ops.append(op)
        for target in dict.fromkeys(op.targets):
            target.ops.append(op)
        for folder, name, thing in getattr(op, "changes", []):
            folder.now.pop(name, None)
            if thing is not None:
                folder.now[name] = thing


class State:
    """one disk after the power went at a position of the log"""

    def __init__(self, log, at, r):
        self.log, self.at, self.r, self.torn = log, at, r, {}
        keep, tear = r.choice([(0, 0), (1, 0), (.5, 0), (.5, .5), (.9, .1), (.1, .1), (r.random(), r.random())])
        self.tear, self.kept, self.loose = tear, set(), 0
        for op in log.ops:
            if op.durable <= at:
                self.kept.add(op)
            elif op.begun <= at:
                self.loose += 1
                if r.random() < keep:
                    self.kept.add(op)
                    if op.what == "write" and r.random() < tear:
                        self.torn[op] = True
                elif op.what == "write" and r.random() < .2:
                    self.torn[op] = False  # grown at most
        self.stale = r.choice([b"\0", b"\0", b"\xa5"])

    def bytes_of(self, file, name):
        data = bytearray(file.data)

        def grow(size):
            if len(data) < size:
                data.extend(self.stale * (size - len(data)))
        for op in file.ops:
            if op.what == "truncate" and op in self.kept:
                grow(op.size)
                del data[op.size:]
            elif op.what == "write" and op in self.torn:
                if self.r.random() < .5:
                    grow(op.offset + len(op.data))
                if self.torn[op]:
                    self.put_some(data, op, grow)
            elif op.what == "write" and op in self.kept:
                grow(op.offset)
                data[op.offset:op.offset + len(op.data)] = op.data
        if name == "lock.mdb" and self.r.random() < .3:  # written through a map
            data[:] = self.r.randbytes(len(data))
        return bytes(data)

    def put_some(self, data, op, grow):
        end = op.offset + len(op.data)
        sectors = range(op.offset // SECTOR, (end + SECTOR - 1) // SECTOR)
        first = self.r.choice([None, *sectors])  # all up to one, or here and there
        for sector in sectors:
            if (sector <= first if first is not None else self.r.random() < .5):
                low, high = max(sector * SECTOR, op.offset), min((sector + 1) * SECTOR, end)
                grow(low)
                data[low:high] = op.data[low - op.offset:high - op.offset]

    def tree(self, folder=None):
        """{path: bytes, or None for a folder}"""
        folder, out = folder or self.log.root, {}
        names = dict(folder.base)
        for op in folder.ops:
            for where, name, thing in op.changes if op in self.kept else []:
                if where is folder:
                    names.pop(name, None)
                    if thing is not None:
                        names[name] = thing
        for name, thing in sorted(names.items()):
            if isinstance(thing, Folder):
                out[name] = None
                out.update({f"{name}/{path}": data for path, data in self.tree(thing).items()})
            else:
                out[name] = self.bytes_of(thing, name)
        return out


def digest(tree):
    hash = hashlib.blake2b()
    for path, data in tree.items():
        hash.update(f"{path}\0{-1 if data is None else len(data)}\0".encode())
        hash.update(data or b"")
    return hash.digest()


def put(tree, root):
    """makes root hold the tree and nothing else"""
    shutil.rmtree(root, ignore_errors=True)
    os.mkdir(root, 0o700)
    for path, data in tree.items():
        if data is None:
            os.mkdir(f"{root}/{path}", 0o700)
        else:
            with open(os.open(f"{root}/{path}", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(data)
