/* run_write.c - the two writers: what the parts made goes to the output files, by one thread, and to the store, by another,
 * each in the order of parts. (LMDB's transaction and the files' ring each belong to one thread; side by side they keep the
 * disk busy.) */
#include "tools/run.h"

#include "engine/check.h"
#include "engine/values.h"

#include <stdio.h>

int run_open_output(struct run *run, struct ring *ring, struct output **output, const char *name, const char *header,
                    struct fault *fault)
{
    if (output_open(output, ring, run->files.folder_fd, name, fault))
        return -1;
    run_folder_file(run, *output);
    return header ? output_append(*output, header, strlen(header), fault) : 0;
}

static int write_outbound(struct run *run, struct part_output *part, struct crew_worker *filer)
{
    for (uint32_t i = 0; i < run->facts.ref->operator_count; i++) {
        struct buffer *buffer = &part->outbound[i];
        if (!buffer->size)
            continue;
        char name[64];
        struct span code = run->facts.ref->operators[i].code;
        snprintf(name, sizeof name, "outbound-%.*s.csv", (int)code.size, code.data);
        if ((!run->files.outbound[i] &&
             run_open_output(run, filer->ring, &run->files.outbound[i], name, ROWS_SMS_HEADER, &filer->fault)) ||
            output_append(run->files.outbound[i], buffer->data, buffer->size, &filer->fault))
            return -1;
        run->files.outbound_rows[i] += buffer->rows;
        buffer_clear(buffer);
    }
    return 0;
}

static int write_requests(struct run *run, struct part_output *part, struct crew_worker *filer)
{
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
        struct buffer *buffer = &part->requests[agency];
        if (!buffer->size)
            continue;
        char name[64];
        snprintf(name, sizeof name, "requests-%s.ndjson", AGENCY_WORDS[agency]);
        if ((!run->files.requests[agency] &&
             run_open_output(run, filer->ring, &run->files.requests[agency], name, NULL, &filer->fault)) ||
            output_append(run->files.requests[agency], buffer->data, buffer->size, &filer->fault))
            return -1;
        run->files.request_rows[agency] += buffer->rows;
        buffer_clear(buffer);
    }
    return 0;
}

/* The segment of this run in the state to be, made when the first part has something for it. */
static struct segment *new_segment(struct run *run, unsigned segmented)
{
    uint32_t *count = &run->state->segment_counts[segmented];
    struct segment *segments = run->state->segments[segmented];
    uint32_t number = run->segment_numbers[segmented];
    if (!*count || segments[*count - 1].number != number) {
        CHECK(*count < STORE_SEGMENTS_MAX);
        int64_t marks_ms = segmented == SEGMENTED_CLOSED ? run->facts.as_of_ms + 2 * DAY_MS : NEVER_MS; /* at the latest */
        segments[(*count)++] = (struct segment){.number = number, .marks_ms = marks_ms};
    }
    return &segments[*count - 1];
}

int run_file_part(struct run *run, struct part_output *part, struct crew_worker *filer)
{
    return write_outbound(run, part, filer) || write_requests(run, part, filer) ? -1 : 0;
}

void run_finish_parts(struct run *run, struct crew_worker *filer)
{
    for (uint32_t i = 0; i < run->facts.ref->operator_count; i++)
        if (run->files.outbound[i] && output_finish(run->files.outbound[i], &filer->fault))
            return;
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++)
        if (run->files.requests[agency] && output_finish(run->files.requests[agency], &filer->fault))
            return;
}

int run_finish_files(struct run *run)
{
    if (!run->filing)
        return 0;
    run->filing = false;
    return crew_join(&run->filer, run->fault);
}

static void close_files(struct crew_worker *filer, void *context)
{
    struct run *run = context;
    (void)filer;
    for (uint32_t i = 0; run->files.outbound && i < run->facts.ref->operator_count; i++) {
        output_close(run->files.outbound[i]);
        run->files.outbound[i] = NULL;
    }
    for (unsigned agency = 0; agency < AGENCY_COUNT; agency++) {
        output_close(run->files.requests[agency]);
        run->files.requests[agency] = NULL;
    }
}

/* By the thread that owns their ring, whatever failed before. */
void run_close_files(struct run *run)
{
    struct fault ignored = {0};
    if (!run->filer.workers)
        return;
    run->filer.workers[0].fault.code = FAULT_NONE;
    (void)crew_run(&run->filer, close_files, run, &ignored);
}

int run_store_part(struct run *run, struct part_output *part)
{
    if (part->open_entries) {
        struct segment *segment = new_segment(run, SEGMENTED_OPEN);
        segment->entries += part->open_entries;
        segment->bytes += part->open_bytes;
    }
    if (part->closed_entries) {
        struct segment *segment = new_segment(run, SEGMENTED_CLOSED);
        segment->entries += part->closed_entries;
        segment->bytes += part->closed_bytes;
    }
    if (run->writing && blobs_write(&part->blobs, &run->writer, run->fault))
        return -1;
    blobs_clear(&part->blobs);
    if (run_folder_store(run))
        return -1;
    if (run_queue_due(run, (const struct due_entry *)part->due.data, part->due.size / sizeof(struct due_entry)) ||
        run_queue_awaited(run, (const struct awaited_row *)part->awaited.data, part->awaited.size / sizeof(struct awaited_row)))
        return -1;
    buffer_clear(&part->due);
    buffer_clear(&part->awaited);
    return 0;
}
