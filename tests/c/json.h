/* A small JSON reader and writer for the tests: enough to compare documents exactly, nothing more.

   Numbers keep the text they were written with, so that no value passes through floating point. Strings carry their
   length, since they may hold NULs. Out of memory ends the program. */

#ifndef CRM_TESTS_JSON_H
#define CRM_TESTS_JSON_H

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* A text that grows. Always NUL-terminated once something was added. */
struct text {
  char *data;
  size_t length;
  size_t capacity;
};

static void *grown(void *memory, size_t size) {
  void *larger = realloc(memory, size ? size : 1);
  if (larger == NULL) {
    fputs("out of memory\n", stderr);
    exit(2);
  }
  return larger;
}

static void text_add(struct text *text, const char *bytes, size_t length) {
  if (text->length + length + 1 > text->capacity) {
    text->capacity = (text->length + length + 1) * 2;
    text->data = (char *)grown(text->data, text->capacity);
  }
  if (length > 0) memcpy(text->data + text->length, bytes, length);
  text->length += length;
  text->data[text->length] = '\0';
}

static void text_put(struct text *text, const char *words) { text_add(text, words, strlen(words)); }

static void text_free(struct text *text) {
  free(text->data);
  text->data = NULL;
  text->length = text->capacity = 0;
}

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
  enum json_kind kind;
  struct text text;     /* of a string or a number */
  struct json **items;  /* of an array or an object */
  struct text *names;   /* of an object, one for each item */
  size_t count;
};

static struct json *json_new(enum json_kind kind) {
  struct json *value = (struct json *)grown(NULL, sizeof *value);
  memset(value, 0, sizeof *value);
  value->kind = kind;
  if (kind == JSON_STRING || kind == JSON_NUMBER) text_add(&value->text, "", 0);
  return value;
}

static void json_free(struct json *value) {
  size_t at;
  if (value == NULL) return;
  for (at = 0; at < value->count; at++) {
    json_free(value->items[at]);
    if (value->names != NULL) text_free(&value->names[at]);
  }
  free(value->items);
  free(value->names);
  text_free(&value->text);
  free(value);
}

/* Adds an item, with a name when the value is an object. Takes both over. */
static void json_add(struct json *value, struct text name, struct json *item) {
  value->items = (struct json **)grown(value->items, (value->count + 1) * sizeof *value->items);
  value->items[value->count] = item;
  if (value->kind == JSON_OBJECT) {
    value->names = (struct text *)grown(value->names, (value->count + 1) * sizeof *value->names);
    value->names[value->count] = name;
  }
  value->count++;
}

/* The field of this name, or NULL; of several the last counts. */
static struct json *json_field(const struct json *value, const char *name, size_t length) {
  size_t at;
  if (value == NULL || value->kind != JSON_OBJECT) return NULL;
  for (at = value->count; at > 0; at--) {
    const struct text *found = &value->names[at - 1];
    if (found->length == length && memcmp(found->data, name, length) == 0) return value->items[at - 1];
  }
  return NULL;
}

static struct json *json_get(const struct json *value, const char *name) {
  return json_field(value, name, strlen(name));
}

/* The text of a string field, or NULL. */
static const char *json_words(const struct json *value, const char *name) {
  const struct json *field = json_get(value, name);
  return field != NULL && field->kind == JSON_STRING ? field->text.data : NULL;
}

static void json_write_string(struct text *out, const struct text *string) {
  size_t at;
  text_put(out, "\"");
  for (at = 0; at < string->length; at++) {
    unsigned char byte = (unsigned char)string->data[at];
    if (byte == '"' || byte == '\\') {
      text_put(out, "\\");
      text_add(out, (const char *)&byte, 1);
    } else if (byte < 0x20) {
      char escape[8];
      sprintf(escape, "\\u%04x", (unsigned)byte);
      text_put(out, escape);
    } else {
      text_add(out, (const char *)&byte, 1);
    }
  }
  text_put(out, "\"");
}

static void json_write(struct text *out, const struct json *value) {
  size_t at;
  switch (value->kind) {
    case JSON_NULL: text_put(out, "null"); break;
    case JSON_FALSE: text_put(out, "false"); break;
    case JSON_TRUE: text_put(out, "true"); break;
    case JSON_NUMBER: text_add(out, value->text.data, value->text.length); break;
    case JSON_STRING: json_write_string(out, &value->text); break;
    case JSON_ARRAY:
    case JSON_OBJECT:
      text_put(out, value->kind == JSON_ARRAY ? "[" : "{");
      for (at = 0; at < value->count; at++) {
        if (at > 0) text_put(out, ",");
        if (value->kind == JSON_OBJECT) {
          json_write_string(out, &value->names[at]);
          text_put(out, ":");
        }
        json_write(out, value->items[at]);
      }
      text_put(out, value->kind == JSON_ARRAY ? "]" : "}");
      break;
  }
}

static struct json *json_copy(const struct json *value) {
  struct json *copy = json_new(value->kind);
  size_t at;
  if (value->text.length > 0) text_add(&copy->text, value->text.data, value->text.length);
  for (at = 0; at < value->count; at++) {
    struct text name = {NULL, 0, 0};
    if (value->names != NULL) text_add(&name, value->names[at].data, value->names[at].length);
    json_add(copy, name, json_copy(value->items[at]));
  }
  return copy;
}

struct json_reader {
  const char *at;
  const char *end;
  int depth;
};

#define JSON_DEPTH_MAX 128

static struct json *json_read_value(struct json_reader *reader);

static void json_skip(struct json_reader *reader) {
  while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL && *reader->at != '\0') reader->at++;
}

static int json_take(struct json_reader *reader, char byte) {
  json_skip(reader);
  if (reader->at >= reader->end || *reader->at != byte) return 0;
  reader->at++;
  return 1;
}

static int json_word(struct json_reader *reader, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0) return 0;
  reader->at += length;
  return 1;
}

/* Four hexadecimal digits; -1 when they are not. */
static long json_hex(struct json_reader *reader) {
  long code = 0;
  int digit;
  if (reader->end - reader->at < 4) return -1;
  for (digit = 0; digit < 4; digit++) {
    static const char digits[] = "0123456789abcdef";
    char byte = *reader->at++;
    const char *found;
    if (byte >= 'A' && byte <= 'F') byte = (char)(byte - 'A' + 'a');
    found = byte == '\0' ? NULL : strchr(digits, byte);
    if (found == NULL) return -1;
    code = code * 16 + (long)(found - digits);
  }
  return code;
}

static void json_add_utf8(struct text *out, long code) {
  char bytes[4];
  if (code < 0x80) {
    bytes[0] = (char)code;
    text_add(out, bytes, 1);
  } else if (code < 0x800) {
    bytes[0] = (char)(0xC0 | (code >> 6));
    bytes[1] = (char)(0x80 | (code & 0x3F));
    text_add(out, bytes, 2);
  } else if (code < 0x10000) {
    bytes[0] = (char)(0xE0 | (code >> 12));
    bytes[1] = (char)(0x80 | ((code >> 6) & 0x3F));
    bytes[2] = (char)(0x80 | (code & 0x3F));
    text_add(out, bytes, 3);
  } else {
    bytes[0] = (char)(0xF0 | (code >> 18));
    bytes[1] = (char)(0x80 | ((code >> 12) & 0x3F));
    bytes[2] = (char)(0x80 | ((code >> 6) & 0x3F));
    bytes[3] = (char)(0x80 | (code & 0x3F));
    text_add(out, bytes, 4);
  }
}

/* A string after its opening quote. */
static int json_read_string(struct json_reader *reader, struct text *out) {
  text_add(out, "", 0);
  while (reader->at < reader->end) {
    char byte = *reader->at++;
    if (byte == '"') return 1;
    if ((unsigned char)byte < 0x20) return 0;
    if (byte != '\\') {
      text_add(out, &byte, 1);
      continue;
    }
    if (reader->at >= reader->end) return 0;
    byte = *reader->at++;
    if (byte == 'u') {
      long code = json_hex(reader);
      if (code >= 0xD800 && code < 0xDC00) {
        long low = json_word(reader, "\\u") ? json_hex(reader) : -1;
        if (low < 0xDC00 || low > 0xDFFF) return 0;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return 0;
      }
      if (code < 0) return 0;
      json_add_utf8(out, code);
    } else {
      static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
      const char *found = byte == '\0' ? NULL : strchr(names, byte);
      if (found == NULL) return 0;
      text_add(out, &values[found - names], 1);
    }
  }
  return 0;
}

static size_t json_digits(struct json_reader *reader) {
  const char *start = reader->at;
  while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
  return (size_t)(reader->at - start);
}

static struct json *json_read_number(struct json_reader *reader) {
  const char *start = reader->at;
  struct json *value;
  size_t digits;
  int leading_zero;
  if (*reader->at == '-') reader->at++;
  leading_zero = reader->at < reader->end && *reader->at == '0';
  digits = json_digits(reader);
  if (digits == 0 || (leading_zero && digits > 1)) return NULL;
  if (reader->at < reader->end && *reader->at == '.') {
    reader->at++;
    if (json_digits(reader) == 0) return NULL;
  }
  if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E')) {
    reader->at++;
    if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-')) reader->at++;
    if (json_digits(reader) == 0) return NULL;
  }
  value = json_new(JSON_NUMBER);
  text_add(&value->text, start, (size_t)(reader->at - start));
  return value;
}

/* The items of an array or object after its opening bracket. */
static struct json *json_read_items(struct json_reader *reader, enum json_kind kind) {
  struct json *value = json_new(kind);
  char close = kind == JSON_ARRAY ? ']' : '}';
  if (json_take(reader, close)) return value;
  do {
    struct text name = {NULL, 0, 0};
    struct json *item;
    if (kind == JSON_OBJECT
        && !(json_take(reader, '"') && json_read_string(reader, &name) && json_take(reader, ':'))) {
      text_free(&name);
      json_free(value);
      return NULL;
    }
    item = json_read_value(reader);
    if (item == NULL) {
      text_free(&name);
      json_free(value);
      return NULL;
    }
    json_add(value, name, item);
  } while (json_take(reader, ','));
  if (json_take(reader, close)) return value;
  json_free(value);
  return NULL;
}

static struct json *json_read_value(struct json_reader *reader) {
  struct json *value = NULL;
  json_skip(reader);
  if (reader->at >= reader->end || ++reader->depth > JSON_DEPTH_MAX) return NULL;
  if (json_take(reader, '{')) {
    value = json_read_items(reader, JSON_OBJECT);
  } else if (json_take(reader, '[')) {
    value = json_read_items(reader, JSON_ARRAY);
  } else if (json_take(reader, '"')) {
    value = json_new(JSON_STRING);
    if (!json_read_string(reader, &value->text)) {
      json_free(value);
      value = NULL;
    }
  } else if (json_word(reader, "null")) {
    value = json_new(JSON_NULL);
  } else if (json_word(reader, "true")) {
    value = json_new(JSON_TRUE);
  } else if (json_word(reader, "false")) {
    value = json_new(JSON_FALSE);
  } else {
    value = json_read_number(reader);
  }
  reader->depth--;
  return value;
}

/* Reads a document; NULL when it is not JSON. */
static struct json *json_read(const char *bytes, size_t length) {
  struct json_reader reader;
  struct json *value;
  reader.at = bytes;
  reader.end = bytes + length;
  reader.depth = 0;
  value = json_read_value(&reader);
  json_skip(&reader);
  if (value != NULL && reader.at != reader.end) {
    json_free(value);
    value = NULL;
  }
  return value;
}

#endif
