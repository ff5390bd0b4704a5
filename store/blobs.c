/* blobs.c - see blobs.h. */
#include "store/blobs.h"

struct blob_head {
    uint32_t size;
    uint16_t key_size;
    uint16_t table;
};

void *blobs_add(struct blobs *blobs, enum table table, const void *key, size_t key_size, size_t size, struct fault *fault)
{
    struct blob_head head = {(uint32_t)size, (uint16_t)key_size, (uint16_t)table};
    size_t need = sizeof head + key_size + size;
    char *at = buffer_room(&blobs->bytes, need, fault);
    if (!at)
        return NULL;
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, key, key_size);
    blobs->bytes.size += need;
    return at + sizeof head + key_size;
}

int blobs_write(const struct blobs *blobs, struct db_writer *writer, struct fault *fault)
{
    for (size_t at = 0; at < blobs->bytes.size;) {
        struct blob_head head;
        memcpy(&head, blobs->bytes.data + at, sizeof head);
        const char *key = blobs->bytes.data + at + sizeof head;
        if (db_put(writer, head.table, key, head.key_size, key + head.key_size, head.size, fault))
            return -1;
        at += sizeof head + head.key_size + head.size;
    }
    return 0;
}
