/* A sale from first word to the last fen, in C.

       story FOLDER

   Opens a new ledger in FOLDER, tells a story by calling operations, and prints a line for each step. Every status is
   checked, everything is freed, and the program ends with 0 only when no handle is left.

   A real host reads and writes JSON with its own library; here `text_of` picks single texts out of results, and inputs
   are printed. README.md says how to build and run it. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crm.h"

/* Ends the program when a call failed. A host would rather return the error to its caller.

   It takes the place of the error, not the error: C may evaluate the arguments `f(&error), error` in either order. */
static void check(int status, crm_error *const *error, const char *what) {
  if (status == CRM_STATUS_OK) return;
  fprintf(stderr, "%s: [%d %s] %s\n", what, crm_error_code(*error), crm_error_name(*error),
          crm_error_message(*error));
  exit(1);
}

/* Calls an operation that must succeed. */
static crm_buffer *call(crm_session *session, const char *operation, const char *input) {
  crm_buffer *output = NULL;
  crm_error *error = NULL;
  check(crm_call(session, operation, input, strlen(input), NULL, &output, &error), &error, operation);
  return output;
}

/* Copies the text or number of the first field of this name; texts with escapes are not for this helper. */
static void text_of(const crm_buffer *buffer, const char *field, char *out, size_t size) {
  char name[64];
  const char *found;
  size_t length;
  snprintf(name, sizeof name, "\"%s\":", field);
  found = strstr(crm_buffer_data(buffer), name);
  if (found == NULL) {
    fprintf(stderr, "there is no %s in %s\n", field, crm_buffer_data(buffer));
    exit(1);
  }
  found += strlen(name);
  if (*found == '"') {
    length = strcspn(++found, "\"");
  } else {
    length = strcspn(found, ",}]");
  }
  snprintf(out, size, "%.*s", (int)length, found);
}

struct record {
  char id[40];
  char version[16];
};

/* Keeps the id and version of a record that an operation returned. */
static void keep(struct record *record, const crm_buffer *buffer) {
  text_of(buffer, "id", record->id, sizeof record->id);
  text_of(buffer, "version", record->version, sizeof record->version);
}

/* Calls an operation on a record, with more fields when there are any, and prints a field of what came of it. */
static void advance(crm_session *session, const char *operation, struct record *record, const char *more,
                    const char *field) {
  char input[512], value[128];
  crm_buffer *output;
  snprintf(input, sizeof input, "{\"id\": \"%s\", \"version\": %s%s}", record->id, record->version, more);
  output = call(session, operation, input);
  keep(record, output);
  text_of(output, field, value, sizeof value);
  printf("%-22s %s = %s\n", operation, field, value);
  crm_buffer_free(output);
}

/* Reads the version that a record has now: a receipt, for example, changes the contract that it settles. */
static void read_again(crm_session *session, const char *operation, struct record *record) {
  char input[128];
  crm_buffer *output;
  snprintf(input, sizeof input, "{\"id\": \"%s\"}", record->id);
  output = call(session, operation, input);
  keep(record, output);
  crm_buffer_free(output);
}

/* What a mistake looks like: nothing is written, and the error says what to do, in both languages. */
static void make_a_mistake(crm_session *session) {
  static const char input[] = "{\"name\": \"\", \"level\": \"B\"}";
  crm_buffer *output = NULL;
  crm_error *error = NULL;
  int status = crm_call(session, CRM_OP_CUSTOMER_CREATE, input, strlen(input), NULL, &output, &error);
  if (status != CRM_STATUS_INVALID || crm_error_code(error) != CRM_ERROR_EMPTY || output != NULL) {
    fputs("an empty name should be refused\n", stderr);
    exit(1);
  }
  printf("%-22s %s: %s / %s\n", "a mistake", crm_error_field(error),
         crm_error_message_in(error, CRM_LOCALE_ENGLISH), crm_error_message_in(error, CRM_LOCALE_CHINESE));
  crm_error_free(error);
}

/* Two contacts that are kept together; a third that fails is undone alone. */
static void add_contacts(crm_session *session, const struct record *customer) {
  static const char *const names[] = {"\"李敏\"", "\"赵强\"", "\"\""};
  crm_transaction *transaction = NULL;
  crm_error *error = NULL;
  size_t at;
  int kept = 0;
  check(crm_transaction_begin(session, &transaction, &error), &error, "begin");
  for (at = 0; at < sizeof names / sizeof *names; at++) {
    char input[256];
    crm_buffer *output = NULL;
    int status;
    snprintf(input, sizeof input, "{\"customer\": \"%s\", \"name\": %s}", customer->id, names[at]);
    status = crm_transaction_call(transaction, CRM_OP_CONTACT_CREATE, input, strlen(input), &output, &error);
    if (status == CRM_STATUS_OK) {
      kept++;
    } else {
      crm_error_free(error);
      error = NULL;
    }
    crm_buffer_free(output);
  }
  check(crm_transaction_commit(transaction, &error), &error, "commit");
  crm_transaction_close(transaction);
  printf("%-22s %d of 3 kept\n", "transaction", kept);
}

/* Reads a list page by page. */
static void list_contacts(crm_session *session) {
  static const char request[] = "{\"dataset\": \"contact\", \"select\": [\"name\", \"customer.name\"],"
                                " \"sort\": [{\"field\": \"name\"}], \"limit\": 1}";
  crm_cursor *cursor = NULL;
  crm_error *error = NULL;
  crm_buffer *page = NULL;
  int status;
  check(crm_cursor_open(session, CRM_OP_QUERY_ROWS, request, strlen(request), &cursor, &error), &error, "cursor");
  while ((status = crm_cursor_next(cursor, &page, &error)) == CRM_STATUS_OK) {
    char name[128];
    text_of(page, "name", name, sizeof name);
    printf("%-22s %s\n", "page", name);
    crm_buffer_free(page);
  }
  if (status != CRM_STATUS_END) check(status, &error, "next page");
  crm_cursor_close(cursor);
}

/* Posts money received. The bank's reference is the idempotency key: a repeated call finds it done, and pays nothing
   twice. */
static void receive(crm_session *session, const struct record *customer, const char *amount, const char *reference) {
  char input[256], options[128], id[40], allocated[32];
  int round;
  snprintf(input, sizeof input, "{\"customer\": \"%s\", \"amount\": \"%s\", \"reference\": \"%s\"}", customer->id,
           amount, reference);
  snprintf(options, sizeof options, "{\"idempotency_key\": \"%s\"}", reference);
  for (round = 0; round < 2; round++) {
    crm_buffer *output = NULL;
    crm_error *error = NULL;
    char again[40];
    check(crm_call(session, CRM_OP_RECEIPT_POST, input, strlen(input), options, &output, &error), &error, "receipt");
    text_of(output, "id", again, sizeof again);
    if (round == 0) strcpy(id, again);
    if (strcmp(id, again) != 0) {
      fputs("the repeated receipt was posted twice\n", stderr);
      exit(1);
    }
    text_of(output, "allocated", allocated, sizeof allocated);
    crm_buffer_free(output);
  }
  printf("%-22s %s, of which %s allocated\n", CRM_OP_RECEIPT_POST, amount, allocated);
}

/* How far a contract is settled. */
static void show_progress(crm_session *session, const struct record *contract) {
  char input[128], settled[32], open[32];
  crm_buffer *output;
  snprintf(input, sizeof input, "{\"contract\": \"%s\"}", contract->id);
  output = call(session, CRM_OP_SETTLEMENT_PROGRESS, input);
  text_of(output, "settled", settled, sizeof settled);
  text_of(output, "open", open, sizeof open);
  printf("%-22s settled %s, open %s\n", CRM_OP_SETTLEMENT_PROGRESS, settled, open);
  crm_buffer_free(output);
}

/* Moves the time of a ledger that has a manual clock. */
static void set_clock(crm_ledger *ledger, const char *now) {
  crm_error *error = NULL;
  check(crm_ledger_set_clock(ledger, now, &error), &error, "clock");
}

/* Reads a table as Arrow: what a host would hand to DuckDB, or to pandas in its own process. */
static void read_arrow(crm_session *session) {
  static const char request[] = "{\"dataset\": \"contract\", \"select\": [\"number\", \"amount\", \"customer.name\"]}";
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  crm_error *error = NULL;
  int64_t rows = 0;
  check(crm_query_arrow(session, request, strlen(request), &stream, &error), &error, "arrow");
  if (stream.get_schema(&stream, &schema) != 0) {
    fprintf(stderr, "schema: %s\n", stream.get_last_error(&stream));
    exit(1);
  }
  for (;;) {
    struct ArrowArray batch;
    if (stream.get_next(&stream, &batch) != 0) {
      fprintf(stderr, "batch: %s\n", stream.get_last_error(&stream));
      exit(1);
    }
    if (batch.release == NULL) break;
    rows += batch.length;
    batch.release(&batch);
  }
  printf("%-22s %" PRId64 " row of %" PRId64 " columns; %s is %s\n", "arrow", rows, schema.n_children,
         schema.children[1]->name, schema.children[1]->format);
  schema.release(&schema);
  stream.release(&stream);
}

int main(int count, char **arguments) {
  static const char options[] = "{\"name\": \"本公司\", \"clock\": {\"manual\": \"2026-03-02T01:00:00Z\"}}";
  char url[1024], input[1024], value[64];
  crm_ledger *ledger = NULL;
  crm_session *session = NULL;
  crm_error *error = NULL;
  crm_buffer *output;
  struct record customer, opportunity, contract;

  if (count != 2) {
    fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  check(crm_abi_check(CRM_ABI_VERSION, &error), &error, "version");
  printf("%-22s %s\n", "crm", crm_version());

  snprintf(url, sizeof url, "%s/story.crm", arguments[1]);
  check(crm_open(url, options, &ledger, &error), &error, "open");
  check(crm_session_open(ledger, "admin", NULL, &session, &error), &error, "session");

  output = call(session, CRM_OP_CUSTOMER_CREATE, "{\"name\": \"杭州云栖仪器有限公司\", \"level\": \"B\"}");
  keep(&customer, output);
  printf("%-22s %s\n", CRM_OP_CUSTOMER_CREATE, customer.id);
  crm_buffer_free(output);

  make_a_mistake(session);
  add_contacts(session, &customer);
  list_contacts(session);

  snprintf(input, sizeof input,
           "{\"data\": {\"name\": \"光谱仪采购\", \"customer\": \"%s\", \"expected_amount\": \"100000\"}}", customer.id);
  output = call(session, CRM_OP_OPPORTUNITY_CREATE, input);
  keep(&opportunity, output);
  crm_buffer_free(output);
  advance(session, CRM_OP_OPPORTUNITY_WIN, &opportunity, "", "status");

  snprintf(input, sizeof input,
           "{\"title\": \"光谱仪采购\", \"customer\": \"%s\", \"opportunity\": \"%s\","
           " \"lines\": [{\"description\": \"光谱仪\", \"quantity\": \"2\", \"unit_price\": \"50000\", \"tax_rate\": \"0.13\"}],"
           " \"terms\": [{\"share\": {\"rate\": \"0.3\"}, \"anchor\": \"signed\", \"offset\": {\"days\": 7}},"
           " {\"share\": \"balance\", \"anchor\": \"delivered\", \"offset\": {\"working_days\": 10}}]}",
           customer.id, opportunity.id);
  output = call(session, CRM_OP_CONTRACT_CREATE, input);
  keep(&contract, output);
  text_of(output, "number", value, sizeof value);
  printf("%-22s number = %s\n", CRM_OP_CONTRACT_CREATE, value);
  crm_buffer_free(output);

  advance(session, CRM_OP_CONTRACT_SUBMIT, &contract, "", "status");
  advance(session, CRM_OP_CONTRACT_APPROVE, &contract, "", "status");
  advance(session, CRM_OP_CONTRACT_SIGN, &contract,
          ", \"signed_on\": \"2026-03-02\", \"effective_on\": \"2026-03-02\"", "status");
  set_clock(ledger, "2026-03-09T01:00:00Z");
  receive(session, &customer, "30000", "ICBC-0309-1");
  set_clock(ledger, "2026-03-20T01:00:00Z");
  read_again(session, CRM_OP_CONTRACT_GET, &contract);
  advance(session, CRM_OP_CONTRACT_DELIVER, &contract, "", "delivered_on");
  show_progress(session, &contract);
  set_clock(ledger, "2026-04-02T01:00:00Z");
  receive(session, &customer, "70000", "ICBC-0402-1");
  show_progress(session, &contract);
  read_again(session, CRM_OP_CONTRACT_GET, &contract);
  advance(session, CRM_OP_CONTRACT_COMPLETE, &contract, "", "status");
  read_arrow(session);

  output = call(session, CRM_OP_AUDIT_VERIFY, "{}");
  printf("%-22s %s entries, unbroken\n", CRM_OP_AUDIT_VERIFY, crm_buffer_data(output));
  crm_buffer_free(output);

  /* Any order will do: a session keeps its ledger alive. */
  crm_close(ledger);
  crm_session_close(session);
  if (crm_live_handles() != 0) {
    fprintf(stderr, "%lu handles were not given back\n", (unsigned long)crm_live_handles());
    return 1;
  }
  printf("%-22s nothing is left open\n", "done");
  return 0;
}
