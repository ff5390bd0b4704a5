"""An operator as a gateway sees it: an SMSC that speaks SMPP 3.4 on loopback, and behind it phones that read their SMS and answer.

It takes submit_sm (parts are put together by their header), gives an id, reports what became of it (deliver_sm with a receipt's text),
and brings what the phone answers. As some do, it gives ids in hexadecimal and reports them in decimal, and cuts a long answer in two."""
import collections, datetime, re, socket, struct, threading

BIND = {0x1, 0x2, 0x9}
SUBMIT, DELIVER, UNBIND, ENQUIRE = 0x4, 0x5, 0x6, 0x15
ANSWER, RECEIPT, WITH_HEADER = 0x80000000, 0x04, 0x40
UCS2 = 8


def pdu(command, sequence, body=b""):
    return struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body


class Fields:
    """the fields of a body, one behind another"""

    def __init__(self, body):
        self.body, self.at = body, 0

    def text(self):
        end = self.body.index(0, self.at)
        found, self.at = self.body[self.at:end].decode("latin-1"), end + 1
        return found

    def number(self):
        self.at += 1
        return self.body[self.at - 1]

    def rest(self, size):
        return self.body[self.at:self.at + size]


class Smsc:
    """phone(msisdn, text): called for each whole SMS; gives ("DELIVRD" or another word, what the phone answers or None)"""

    def __init__(self, phone):
        self.phone, self.lock, self.ids, self.sequence, self.reference = phone, threading.Lock(), 0xA000, 0, 0
        self.parts, self.whole, self.answered = collections.defaultdict(dict), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(line,), daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self, line):
        reader = line.makefile("rb")
        while len(head := reader.read(16)) == 16:
            size, command, _, sequence = struct.unpack(">IIII", head)
            body = reader.read(size - 16)
            if command in BIND:
                line.sendall(pdu(command | ANSWER, sequence, b"smsc\0"))
            elif command == SUBMIT:
                self.submitted(line, sequence, body)
            elif command in (UNBIND, ENQUIRE):
                line.sendall(pdu(command | ANSWER, sequence))

    def submitted(self, line, sequence, body):
        fields = Fields(body)
        fields.text(), fields.number(), fields.number()
        short_code = fields.text()
        fields.number(), fields.number()
        msisdn, kind = fields.text(), fields.number()
        fields.number(), fields.number(), fields.text(), fields.text()
        wants_report, _, coding, _ = (fields.number() for _ in range(4))
        text = fields.rest(fields.number())
        with self.lock:
            self.ids += 1
            number = self.ids
        line.sendall(pdu(SUBMIT | ANSWER, sequence, b"%X\0" % number))
        key, part, count = (msisdn, number), 1, 1
        if kind & WITH_HEADER:
            reference, count, part = text[3], text[4], text[5]
            key, text = (msisdn, reference), text[6:]
        parts = self.parts[key]
        parts[part] = text
        if wants_report:  # of the parts Kannel asks for one
            parts["id"] = number
        if sum(type(n) is int for n in parts) == count:
            del self.parts[key]
            whole = b"".join(parts[n] for n in range(1, count + 1))
            self.arrived(line, short_code, msisdn, whole.decode("utf-16-be" if coding == UCS2 else "latin-1"), parts.get("id"))

    def arrived(self, line, short_code, msisdn, text, number):
        word, answer = self.phone(msisdn, text)
        if number:
            now = datetime.datetime.now().strftime("%y%m%d%H%M")
            report = f"id:{number} sub:001 dlvrd:{word == 'DELIVRD':03} submit date:{now} done date:{now} stat:{word} err:000 text:"
            self.deliver(line, msisdn, short_code, RECEIPT, 0, report.encode())
        if answer:
            self.answer(line, msisdn, short_code, answer)
        with self.lock:  # last: whoever counts sees what it counts done
            self.whole += 1
            self.answered += bool(answer)

    def answer(self, line, msisdn, short_code, text):
        if text.isascii():
            return self.deliver(line, msisdn, short_code, 0, 0, text.encode())
        units = text.encode("utf-16-be")
        if len(units) <= 140:
            return self.deliver(line, msisdn, short_code, 0, UCS2, units)
        self.reference = (self.reference + 1) % 256
        for part in 2, 1:  # not in order, as they come
            header = bytes([5, 0, 3, self.reference, 2, part])
            self.deliver(line, msisdn, short_code, WITH_HEADER, UCS2, header + (units[:134] if part == 1 else units[134:]))

    def deliver(self, line, msisdn, short_code, kind, coding, text):
        with self.lock:
            self.sequence += 1
            body = b"\0\1\1" + msisdn.encode() + b"\0\0\0" + short_code.encode() + b"\0" + bytes([kind, 0, 0, 0, 0, 0, 0, coding, 0, len(text)]) + text
            line.sendall(pdu(DELIVER, self.sequence, body))


def shown(text, name, language):
    """what a person answers to an SMS, going by what it shows alone: None where it asks nothing; `name` is the child's"""
    lines = text.split("\n")
    whole = {found[2]: found[1] for line in lines if (found := re.match(r"(R(?: \d)+) - (.*)", line))}
    if whole:
        return whole.get(language, next(iter(whole.values())))
    heads = [found[1] for line in lines if (found := re.search(r"(R \d \d \d) (?:және цифрлар|и цифры):", line))]
    if heads:
        return next(f"{heads[0]} {found[1]}" for line in lines if (found := re.match(r"(\d(?: \d)*) - ", line)))
    example = re.search(r"^(R \d \d) \w", text, re.M)
    return f"{example[1]} {name}" if example else None
