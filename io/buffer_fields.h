/* buffer_fields.h - what files and answers are made of, put into growing bytes: fields of CSV, texts of JSON, times, phones.
 * Room: io.  Thread: one at a time.  Errors: as of buffer_format: want of memory alone, and the fault keeps it. */
#ifndef IO_BUFFER_FIELDS_H
#define IO_BUFFER_FIELDS_H

#include "engine/sys/buffer.h"

int buffer_csv(struct buffer *buffer, struct span field, char behind, struct fault *fault); /* quoted where it must be */
int buffer_json(struct buffer *buffer, struct span text, struct fault *fault); /* with quotes; `"`, `\` and controls escaped */
int buffer_json_name(struct buffer *buffer, struct span name, struct fault *fault); /* of a file: what is no UTF-8 becomes U+FFFD */
/* The name of a file as a text, into room for 3 * its size; returns its size. What is no UTF-8 becomes U+FFFD. */
size_t name_text(struct span name, char *out);
int buffer_json_or_null(struct buffer *buffer, struct span text, struct fault *fault); /* null where empty */
/* The text as JSON, with quotes, into room for JSON_MAX bytes; returns where it ends. */
#define JSON_MAX(size) (6 * (size) + 2)
char *json_put(char *out, struct span text);
int buffer_time(struct buffer *buffer, int64_t ms, struct fault *fault);
int buffer_phone(struct buffer *buffer, uint32_t phone, struct fault *fault);

#endif
