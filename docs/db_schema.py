#!/usr/bin/python3
"""Write docs/DB_SCHEMA.md from the catalog: db_schema.py [OUTPUT]

Starts a throw-away PostgreSQL, applies the migrations and the functions and describes what they made. All prose
about tables, columns, types and functions comes from COMMENT ON there.
"""
import argparse
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "tests", "sql"))

INTRO = """\
# Database schema

Generated from the migrations by `make db-schema`; do not edit. The comments live in the
migrations and in `migrations/functions` (`COMMENT ON`), so they are also in the database: `\\d+ tasks` in psql.

PostgreSQL 15 or later, no extensions, everything in schema `public`. Ids are UUIDv7 made by the
programs (models and channels have integers). Credits are `numeric(20,6)`. Times are `timestamptz`.

## Roles

| role | for | may |
|---|---|---|
| `weir_owner` | `weirctl migrate` | owns the schema; the programs never use it |
| `weir_service` | the programs (their login is a member of it) | read and write as listed at each table, call every function |
| `weir_user` | a connection limited to one user: `SET ROLE weir_user` and `set_config('weir.user_id', …)` | read that user's rows of `tasks` and `credit_transactions`, by row-level security |

## Rules that hold everywhere

- Balances change only in the functions named `credits_*` and `deduct_credits_atomic` and in those that call them, `task_open` and `tasks_end`; each change has a row in `credits_history`.
- A task and its hold each leave their live state once, decided by one conditional `UPDATE`.
- Rows are locked in one order, which stands at the head of `migrations/functions/task.sql`.
- `SELECT * FROM audit_run()` proves the ledger.
"""


def cell(text):
    return (text or "").replace("\n", " ").replace("|", "\\|")


def plain(expression):
    """The catalog's spelling of an expression, without the casts and brackets that it adds."""
    text = re.sub(r"::(character varying|text|numeric)(\[\])?", "", expression)
    text = re.sub(r"(?<!\w)\((\w+)\)", r"\1", text)
    return re.sub(r"= ANY \(\(?ARRAY\[([^]]*)\]\)?\)", r"IN (\1)", text)


def columns(db, table):
    yield "| column | type | default | meaning |"
    yield "|---|---|---|---|"
    for c in db.query("""
            SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
                a.attidentity <> '' AS identity, a.attgenerated <> '' AS generated,
                pg_get_expr(d.adbin, d.adrelid) AS expr, col_description(a.attrelid, a.attnum) AS comment
            FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""", table):
        default = "identity" if c["identity"] else f"generated: `{c['expr']}`" if c["generated"] else f"`{plain(c['expr'])}`" if c["expr"] else ""
        null = "" if c["not_null"] else ", null"
        yield f"| `{c['name']}` | {c['type']}{null} | {cell(default)} | {cell(c['comment'])} |"


def table_section(db, table):
    yield f"### {table['name']}"
    yield ""
    yield table["comment"]
    yield ""
    yield from columns(db, table["name"])
    yield ""
    for row in db.query("SELECT conname AS name, pg_get_constraintdef(oid) AS def FROM pg_constraint "
                        "WHERE conrelid = $1::regclass ORDER BY contype = 'p' DESC, contype, conname", table["name"]):
        yield f"- constraint `{row['name']}`: {plain(row['def'])}"
    for row in db.query("SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS def FROM pg_index i "
                        "WHERE indrelid = $1::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid "
                        "AND contype IN ('p', 'u')) ORDER BY 1", table["name"]):
        kind = "unique index" if "UNIQUE" in row["def"] else "index"
        yield f"- {kind} `{row['name']}`: {plain(row['def'].split(' USING ', 1)[1])}"
    for row in db.query("SELECT tgname AS name, pg_get_triggerdef(oid) AS def FROM pg_trigger WHERE tgrelid = $1::regclass "
                        "AND NOT tgisinternal ORDER BY 1", table["name"]):
        yield f"- trigger `{row['name']}`: {row['def'].split(row['name'], 1)[1].strip()}"
    for row in db.query("SELECT policyname AS name, cmd, array_to_string(roles, ', ') AS roles, qual FROM pg_policies "
                        "WHERE tablename = $1 ORDER BY 1", table["name"]):
        yield f"- policy `{row['name']}`: {row['cmd']} for `{row['roles']}` where `{row['qual']}`"
    for row in db.query("SELECT grantee::regrole::text AS role, string_agg(privilege_type, ', ' ORDER BY privilege_type) AS what "
                        "FROM pg_class, aclexplode(relacl) WHERE oid = $1::regclass AND grantee <> relowner GROUP BY 1 ORDER BY 1",
                        table["name"]):
        yield f"- `{row['role']}` may {row['what']}"
    if table["options"]:
        yield f"- storage: {table['options']}"
    yield ""


def describe(db):
    yield INTRO
    relations = db.query("""
        SELECT c.relname AS name, c.relkind AS kind, obj_description(c.oid, 'pg_class') AS comment,
            array_to_string(c.reloptions, ', ') AS options
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY c.oid""")
    yield "## Types"
    yield ""
    yield "| type | is | meaning |"
    yield "|---|---|---|"
    for t in db.query("""
            SELECT t.typname AS name, obj_description(t.oid, 'pg_type') AS comment,
                CASE t.typtype WHEN 'e' THEN (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
                    ELSE format_type(t.typbasetype, t.typtypmod) || ' ' ||
                        (SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint WHERE contypid = t.oid) END AS def
            FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd') ORDER BY t.typname"""):
        yield f"| `{t['name']}` | {cell(plain(t['def']))} | {cell(t['comment'])} |"
    yield ""
    yield "## Tables"
    yield ""
    for table in relations:
        if table["kind"] == "r":
            yield from table_section(db, table)
    yield "## Views"
    yield ""
    for view in relations:
        if view["kind"] == "v":
            yield from table_section(db, view)
    yield "## Functions"
    yield ""
    yield "All run with the caller's rights and a fixed search path."
    yield ""
    for f in db.query("""
            SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
                obj_description(p.oid, 'pg_proc') AS comment
            FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype ORDER BY p.proname"""):
        yield f"**{f['name']}**({f['arguments']}) → {f['result']}"
        yield ""
        yield f["comment"]
        yield ""


def generate():
    """The document as text."""
    from sqltest import cluster

    with cluster().connect("template_weir", "postgres") as db:
        return "\n".join(describe(db)).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description="Write docs/DB_SCHEMA.md from the migrations.")
    parser.add_argument("output", nargs="?", default=os.path.join(HERE, "DB_SCHEMA.md"))
    options = parser.parse_args()
    text = generate()
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
