/* Runs the scenario files of tests/scenarios through the C ABI.

       scenarios PLACE FILE...

   Each scenario gets a new ledger: a file in PLACE when that is a folder, a schema when it is the URL of a server. The format and its rules are those of tests/src/scenario.rs. Prints a line
   for each scenario and ends with 0 when all went as told and every handle was given back. */

#include "crm.h"
#include "json.h"

struct saved {
  const char *name;
  struct json *value;
};

struct run {
  crm_ledger *ledger;
  struct saved *saved;
  size_t saved_count;
  struct text why; /* what went wrong */
};

static int fail(struct run *run, const char *what) {
  text_put(&run->why, what);
  return 0;
}

static int fail_showing(struct run *run, const char *what, const struct json *value) {
  text_put(&run->why, what);
  json_write(&run->why, value);
  return 0;
}

/* Saves a copy; a name saved before is replaced. `name` must live as long as the run. */
static void save(struct run *run, const char *name, const struct json *value) {
  size_t at;
  for (at = 0; at < run->saved_count; at++) {
    if (strcmp(run->saved[at].name, name) == 0) {
      json_free(run->saved[at].value);
      run->saved[at].value = json_copy(value);
      return;
    }
  }
  run->saved = (struct saved *)grown(run->saved, (run->saved_count + 1) * sizeof *run->saved);
  run->saved[run->saved_count].name = name;
  run->saved[run->saved_count].value = json_copy(value);
  run->saved_count++;
}

/* What a path such as `customer.items.0.id` leads to, or NULL. */
static const struct json *look_up(struct run *run, const char *path, size_t length) {
  const char *end = path + length;
  const char *dot = (const char *)memchr(path, '.', length);
  size_t name = dot == NULL ? length : (size_t)(dot - path);
  const struct json *value = NULL;
  size_t at;
  for (at = 0; at < run->saved_count; at++) {
    if (strlen(run->saved[at].name) == name && memcmp(run->saved[at].name, path, name) == 0) {
      value = run->saved[at].value;
    }
  }
  path += name;
  while (value != NULL && path < end) {
    const char *part = path + 1;
    size_t part_length;
    dot = (const char *)memchr(part, '.', (size_t)(end - part));
    part_length = dot == NULL ? (size_t)(end - part) : (size_t)(dot - part);
    if (value->kind == JSON_ARRAY) {
      char *stop = NULL;
      unsigned long index = strtoul(part, &stop, 10);
      value = stop == part + part_length && index < value->count ? value->items[index] : NULL;
    } else {
      value = json_field(value, part, part_length);
    }
    path = part + part_length;
  }
  return value;
}

static const char *find(const char *text, const char *end, const char *word) {
  size_t length = strlen(word);
  for (; (size_t)(end - text) >= length; text++) {
    if (memcmp(text, word, length) == 0) return text;
  }
  return NULL;
}

static struct json *fill_string(struct run *run, const struct text *string) {
  const char *at = string->data, *end = string->data + string->length;
  struct json *filled = json_new(JSON_STRING);
  const char *open;
  while ((open = find(at, end, "${")) != NULL) {
    const char *close = find(open, end, "}");
    const struct json *value;
    if (close == NULL) break;
    value = look_up(run, open + 2, (size_t)(close - open - 2));
    if (value == NULL) {
      text_put(&run->why, "nothing was saved as ");
      text_add(&run->why, open, (size_t)(close - open + 1));
      json_free(filled);
      return NULL;
    }
    if (open == string->data && close + 1 == end) {
      json_free(filled);
      return json_copy(value);
    }
    text_add(&filled->text, at, (size_t)(open - at));
    if (value->kind == JSON_STRING) {
      text_add(&filled->text, value->text.data, value->text.length);
    } else {
      json_write(&filled->text, value);
    }
    at = close + 1;
  }
  text_add(&filled->text, at, (size_t)(end - at));
  return filled;
}

/* A copy with every ${...} filled in; NULL when something is missing. */
static struct json *fill(struct run *run, const struct json *value) {
  struct json *filled;
  size_t at;
  if (value->kind == JSON_STRING) return fill_string(run, &value->text);
  if (value->kind != JSON_ARRAY && value->kind != JSON_OBJECT) return json_copy(value);
  filled = json_new(value->kind);
  for (at = 0; at < value->count; at++) {
    struct text name = {NULL, 0, 0};
    struct json *item = fill(run, value->items[at]);
    if (item == NULL) {
      json_free(filled);
      return NULL;
    }
    if (value->names != NULL) text_add(&name, value->names[at].data, value->names[at].length);
    json_add(filled, name, item);
  }
  return filled;
}

static int mismatch(struct run *run, const char *path, const struct json *expected, const struct json *found) {
  text_put(&run->why, path);
  fail_showing(run, ": expected ", expected);
  return found == NULL ? fail(run, ", found nothing") : fail_showing(run, ", found ", found);
}

/* Whether `found` (NULL when absent) is as expected. */
static int matches(struct run *run, const struct json *expected, const struct json *found, const char *path) {
  struct text deeper = {NULL, 0, 0};
  int is_match = 1;
  size_t at;
  int is_null = found == NULL || found->kind == JSON_NULL;
  if (expected->kind == JSON_NULL) return is_null ? 1 : mismatch(run, path, expected, found);
  if (expected->kind == JSON_STRING && expected->text.length == 1 && expected->text.data[0] == '*') {
    return is_null ? mismatch(run, path, expected, found) : 1;
  }
  if (is_null || expected->kind != found->kind) return mismatch(run, path, expected, found);
  switch (expected->kind) {
    case JSON_STRING:
    case JSON_NUMBER:
      if (expected->text.length != found->text.length
          || memcmp(expected->text.data, found->text.data, found->text.length) != 0) {
        return mismatch(run, path, expected, found);
      }
      return 1;
    case JSON_ARRAY:
      if (expected->count != found->count) return mismatch(run, path, expected, found);
      break;
    case JSON_OBJECT: break;
    default: return 1;
  }
  for (at = 0; at < expected->count && is_match; at++) {
    char number[32];
    const struct json *item;
    deeper.length = 0;
    text_put(&deeper, path);
    text_put(&deeper, ".");
    if (expected->kind == JSON_ARRAY) {
      sprintf(number, "%lu", (unsigned long)at);
      text_put(&deeper, number);
      item = found->items[at];
    } else {
      text_put(&deeper, expected->names[at].data);
      item = json_field(found, expected->names[at].data, expected->names[at].length);
    }
    is_match = matches(run, expected->items[at], item, deeper.data);
  }
  text_free(&deeper);
  return is_match;
}

/* Calls an operation. Returns the result, or sets `*failure` to the error as it travels. */
static struct json *call(crm_ledger *ledger, const char *login, const char *operation, const struct text *input,
                         const struct json *key, struct json **failure) {
  crm_session *session = NULL;
  crm_buffer *output = NULL;
  crm_error *error = NULL;
  struct text options = {NULL, 0, 0};
  struct json *result = NULL;
  int status = crm_session_open(ledger, login, NULL, &session, &error);
  if (status == CRM_STATUS_OK) {
    if (key != NULL) {
      text_put(&options, "{\"idempotency_key\": ");
      json_write(&options, key);
      text_put(&options, "}");
    }
    status = crm_call(session, operation, input->data, input->length, options.data, &output, &error);
  }
  if (status == CRM_STATUS_OK) {
    result = json_read(crm_buffer_data(output), crm_buffer_length(output));
  } else {
    const char *json = crm_error_json(error);
    *failure = json_read(json, strlen(json));
  }
  if (result == NULL && *failure == NULL) {
    fputs("the library answered with something that is not JSON\n", stderr);
    exit(2);
  }
  text_free(&options);
  crm_buffer_free(output);
  crm_error_free(error);
  crm_session_close(session);
  return result;
}

static int knows_every_field(struct run *run, const struct json *step) {
  static const char *const known[] = {"call", "note", "as",   "input", "raw",
                                      "key",  "save", "expect", "error"};
  size_t at, name;
  for (at = 0; at < step->count; at++) {
    for (name = 0; name < sizeof known / sizeof *known; name++) {
      if (strcmp(step->names[at].data, known[name]) == 0) break;
    }
    if (name == sizeof known / sizeof *known) {
      text_put(&run->why, "unknown field ");
      return fail(run, step->names[at].data);
    }
  }
  return 1;
}

/* Whether a value matches an expectation that may have ${...} in it. */
static int matches_filled(struct run *run, const struct json *expected, const struct json *found,
                          const char *path) {
  struct json *filled = fill(run, expected);
  int is_match = filled != NULL && matches(run, filled, found, path);
  json_free(filled);
  return is_match;
}

static int run_call(struct run *run, const struct json *step) {
  const char *operation = json_words(step, "call");
  const char *login = json_words(step, "as");
  const struct json *raw = json_get(step, "raw");
  const struct json *given = json_get(step, "input");
  const struct json *expected_error = json_get(step, "error");
  const struct json *expected = json_get(step, "expect");
  const char *name = json_words(step, "save");
  struct text input = {NULL, 0, 0};
  struct json *result, *failure = NULL;
  int went_as_told = 1;
  if (!knows_every_field(run, step)) return 0;
  if (operation == NULL) return fail(run, "the operation is not a text");
  if (raw != NULL && raw->kind == JSON_STRING) {
    text_add(&input, raw->text.data, raw->text.length);
  } else if (given != NULL && given->kind != JSON_NULL) {
    struct json *filled = fill(run, given);
    if (filled == NULL) return 0;
    json_write(&input, filled);
    json_free(filled);
  } else {
    text_put(&input, "{}");
  }
  result = call(run->ledger, login == NULL ? "admin" : login, operation, &input, json_get(step, "key"), &failure);
  text_free(&input);
  if (result != NULL && expected_error == NULL) {
    if (expected != NULL) went_as_told = matches_filled(run, expected, result, "result");
    if (went_as_told && name != NULL) save(run, name, result);
  } else if (failure != NULL && expected_error != NULL) {
    went_as_told = matches_filled(run, expected_error, failure, "error");
  } else if (result != NULL) {
    went_as_told = fail_showing(run, "should fail, but gave ", result);
  } else {
    went_as_told = fail_showing(run, "failed: ", failure);
  }
  json_free(result);
  json_free(failure);
  return went_as_told;
}

static int set_clock(struct run *run, const char *now) {
  crm_error *error = NULL;
  int is_set = crm_ledger_set_clock(run->ledger, now, &error) == CRM_STATUS_OK;
  if (!is_set) fail(run, crm_error_message(error));
  crm_error_free(error);
  return is_set;
}

static int open_ledger(struct run *run, const char *url, const char *clock) {
  static const char users[] = "{\"filter\": {\"equal\": [\"login\", \"admin\"]}}";
  struct text options = {NULL, 0, 0}, input = {NULL, 0, 0};
  struct json *list, *failure = NULL;
  const struct json *items;
  crm_error *error = NULL;
  int status, is_found;
  text_put(&options, "{\"clock\": {\"manual\": \"");
  text_put(&options, clock);
  text_put(&options, "\"}}");
  status = crm_open(url, options.data, &run->ledger, &error);
  text_free(&options);
  if (status != CRM_STATUS_OK) {
    fail(run, crm_error_message(error));
    crm_error_free(error);
    return 0;
  }
  text_put(&input, users);
  list = call(run->ledger, "admin", CRM_OP_USER_LIST, &input, NULL, &failure);
  text_free(&input);
  items = json_get(list, "items");
  is_found = items != NULL && items->kind == JSON_ARRAY && items->count == 1;
  if (is_found) {
    save(run, "admin", json_get(items->items[0], "id"));
  } else {
    fail(run, "the first user is not found");
  }
  json_free(list);
  json_free(failure);
  return is_found;
}

static int run_scenario(struct run *run, const struct json *scenario, const char *url) {
  const char *clock = json_words(scenario, "clock");
  const struct json *steps = json_get(scenario, "steps");
  size_t at;
  if (clock == NULL || steps == NULL || steps->kind != JSON_ARRAY) return fail(run, "clock or steps are missing");
  if (!open_ledger(run, url, clock)) return 0;
  for (at = 0; at < steps->count; at++) {
    const struct json *step = steps->items[at];
    const char *now = json_words(step, "clock");
    const char *operation = json_words(step, "call");
    char place[32];
    if (now != NULL ? set_clock(run, now) : run_call(run, step)) continue;
    sprintf(place, " (step %lu", (unsigned long)at);
    text_put(&run->why, place);
    text_put(&run->why, operation == NULL ? "" : " ");
    text_put(&run->why, operation == NULL ? "" : operation);
    return fail(run, ")");
  }
  return 1;
}

static int read_file(const char *path, struct text *out) {
  FILE *file = fopen(path, "rb");
  char part[4096];
  size_t length;
  if (file == NULL) return 0;
  while ((length = fread(part, 1, sizeof part, file)) > 0) text_add(out, part, length);
  length = (size_t)ferror(file);
  fclose(file);
  return length == 0 && out->data != NULL;
}

/* The file's name without folder and ending. */
static void put_stem(struct text *out, const char *path) {
  const char *name = path, *at, *dot;
  for (at = path; *at != '\0'; at++) {
    if (*at == '/' || *at == '\\') name = at + 1;
  }
  dot = strrchr(name, '.');
  text_add(out, name, dot == NULL ? strlen(name) : (size_t)(dot - name));
}

static int is_server(const char *place) { return strstr(place, "://") != NULL; }

static int run_file(const char *place, const char *path) {
  struct run run;
  struct text file = {NULL, 0, 0}, url = {NULL, 0, 0};
  struct json *scenario = NULL;
  const char *title;
  int went_as_told;
  size_t at;
  memset(&run, 0, sizeof run);
  if (read_file(path, &file)) scenario = json_read(file.data, file.length);
  text_put(&url, place);
  text_put(&url, is_server(place) ? "?schema=" : "/");
  put_stem(&url, path);
  text_put(&url, is_server(place) ? "" : ".crm");
  went_as_told = scenario == NULL ? fail(&run, "not a file with JSON") : run_scenario(&run, scenario, url.data);
  title = json_words(scenario, "title");
  printf("%-6s %s%s%s\n", went_as_told ? "ok" : "FAILED", title == NULL ? path : title, went_as_told ? "" : ": ",
         went_as_told ? "" : run.why.data);
  crm_close(run.ledger);
  for (at = 0; at < run.saved_count; at++) json_free(run.saved[at].value);
  free(run.saved);
  text_free(&run.why);
  text_free(&file);
  text_free(&url);
  json_free(scenario);
  return went_as_told;
}

int main(int count, char **arguments) {
  crm_error *error = NULL;
  int at, passed = 0, failed = 0;
  if (count < 2) {
    fprintf(stderr, "usage: %s PLACE FILE...\n", arguments[0]);
    return 2;
  }
  if (crm_abi_check(CRM_ABI_VERSION, &error) != CRM_STATUS_OK) {
    fprintf(stderr, "%s\n", crm_error_message(error));
    crm_error_free(error);
    return 2;
  }
  for (at = 2; at < count; at++) {
    if (run_file(arguments[1], arguments[at])) {
      passed++;
    } else {
      failed++;
    }
  }
  printf("C on %s: %d of %d scenarios go as told\n", is_server(arguments[1]) ? "postgres" : "sqlite", passed,
         passed + failed);
  if (crm_live_handles() != 0) {
    printf("%lu handles were not given back\n", (unsigned long)crm_live_handles());
    return 1;
  }
  return failed == 0 ? 0 : 1;
}
