"""B13: how long a search takes in a large base, and in a small one among many.  B14: how soon a document is ready.

How good it is, tests/it/knowledge/test_evaluation.py says: texts by chance have no neighbours to be found.
"""

import random
import sys
import time

from benchlib import HERE, Row, cpu_of, ms, say

sys.path.insert(0, HERE + "/../tests/it/knowledge")
import searchlib  # noqa: E402

WORDS, PAGE_WORDS, SMALL = 20000, 600, 2000
SYLLABLES = [a + b for a in "b d f g k l m n p r s t v".split() for b in "a e i o u".split()]


def vocabulary(chance):
    made = set()
    while len(made) < WORDS:
        made.add("".join(chance.choices(SYLLABLES, k=chance.choice((2, 3, 3, 4)))))
    return sorted(made)


def documents(count):
    """Texts whose words come as often as words do (Zipf), in sentences."""
    chance = random.Random(13)
    words = vocabulary(chance)
    chance.shuffle(words)
    weights = [1 / (n + 3) for n in range(WORDS)]
    totals = [sum(weights[:1])]
    for w in weights[1:]:
        totals.append(totals[-1] + w)
    for n in range(count):
        text = chance.choices(words, cum_weights=totals, k=PAGE_WORDS)
        sentences = [" ".join(text[i:i + 12]).capitalize() + "." for i in range(0, PAGE_WORDS, 12)]
        yield f"Page {n}", " ".join(sentences)


def queries(count):
    """Some words of a sentence that is there."""
    chance = random.Random(14)
    made = []
    for n, (_, text) in enumerate(documents(count)):
        sentence = text.split(". ")[n % 40].rstrip(".").split()
        made.append(" ".join(chance.sample(sentence, 6)))
    return made


def copy_base(pg, kb, space, user, chunks):
    """Another base with so many of the chunks of this one."""
    other, document = searchlib.uuid7(), searchlib.uuid7()
    pg.query("INSERT INTO kb (id, user_id, name, model_id) SELECT $2, user_id, 'a copy', model_id FROM kb WHERE id = $1", kb, other)
    made = pg.query("INSERT INTO kb_space (kb_id, model_id, model, state, dims, mean, mean_count, mean_version)"
                    " SELECT $2, model_id, model, state, dims, mean, mean_count, mean_version FROM kb_space WHERE id = $1 RETURNING id", space, other)[0][0]
    pg.query("INSERT INTO kb_document (id, kb_id, user_id) VALUES ($1, $2, $3)", document, other, user.id)
    pg.query("INSERT INTO kb_version (document_id, version, kb_id, user_id, title, state, chunks) VALUES ($1, 1, $2, $3, 'all', 'ready', $4)",
             document, other, user.id, chunks)
    first = pg.query("SELECT max(id) + 1 FROM kb_chunk")[0][0]
    pg.query("INSERT INTO kb_chunk (id, kb_id, document_id, version, ord, page_from, page_to, c0, c1, heading, body, ntok, tsv, text_hash) OVERRIDING SYSTEM VALUE"
             " SELECT $4::bigint + row_number() OVER (ORDER BY c.id) - 1, $2, $3, 1, row_number() OVER (ORDER BY c.id), 1, 1, c0, c1, heading, body, ntok,"
             "  ts_delete(tsv, kb_lexeme($1::uuid)) || quote_literal(kb_lexeme($2::uuid))::tsvector, text_hash"
             " FROM (SELECT * FROM kb_chunk WHERE kb_id = $1 ORDER BY id LIMIT $5) AS c", kb, other, document, first, chunks)
    pairs = (" FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM kb_chunk WHERE kb_id = $1 ORDER BY id LIMIT $5) AS c"
             " JOIN {} e ON e.chunk_id = c.id AND e.space_id = $2::bigint")
    pg.query("INSERT INTO kb_code (space_id, chunk_id, code) SELECT $3::bigint, $4::bigint + c.n - 1, e.code" + pairs.format("kb_code"), kb, space, made, first, chunks)
    pg.query("INSERT INTO kb_vec (space_id, chunk_id, v) SELECT $3::bigint, $4::bigint + c.n - 1, e.v" + pairs.format("kb_vec"), kb, space, made, first, chunks)
    return other


def settle(pg):
    for table in ("kb_chunk", "kb_code", "kb_vec"):
        pg.query(f"VACUUM ANALYZE {table}")


def times(bench, user, kb, asked, mode):
    """How long each search took, and what CPU they took on average (microseconds); the vectors of its queries are kept already."""
    for query in asked:
        searchlib.search(bench, user, kb, query, mode=mode)
    roots = {name: pid for name, pid in bench.roots().items() if name in ("pool", "postgres")}
    took, before = [], {name: cpu_of(pid) for name, pid in roots.items()}
    for query in asked:
        began = time.perf_counter()
        searchlib.search(bench, user, kb, query, mode=mode)
        took.append((time.perf_counter() - began) * 1e6)
    return {"us": sorted(took), "cpu_us_each": {name: (cpu_of(pid) - before[name]) * 1e6 / len(asked) for name, pid in roots.items()}}


def row(case, what, found, target_ms):
    took, cpu = found["us"], sum(found["cpu_us_each"].values())
    p50, p95 = took[len(took) // 2], took[len(took) * 95 // 100]
    return Row(case, what, ms(p50), f"CPU {ms(cpu)}", f"p95 {ms(p95)}", f"≤ {target_ms} ms" if target_ms else "", p50 <= 1000 * target_ms if target_ms else None)


def b13(bench, plan):
    searchlib.add_models(bench)
    user = bench.make_user(credits="1000000")
    pages, others = (2500, 10) if plan.quick else (25000, 450)
    say(f"B13: {pages} documents")
    kb, _ = searchlib.make_base(bench, user, list(documents(pages)))
    asked = queries(60)
    with bench.pg() as pg:
        settle(pg)
        chunks = int(pg.one("SELECT count(*) FROM kb_chunk"))
        space = pg.one("SELECT id FROM kb_space")
        large = {mode: times(bench, user, kb, asked, mode) for mode in ("hybrid", "vector", "text")}
        say(f"B13: {others} bases beside it")
        small = [copy_base(pg, kb, space, user, SMALL) for _ in range(others)][0]
        settle(pg)
        among = int(pg.one("SELECT count(*) FROM kb_chunk"))
    few = times(bench, bench.sign_in(user.login, user.password), small, asked, "hybrid")  # the copies outlive an access token
    rows = [
        row("B13", f"search, {chunks:,} chunks in one base, p50", large["hybrid"], 30),
        row("", "  vectors alone", large["vector"], 0),
        row("", "  words alone", large["text"], 0),
        row("", f"  {SMALL:,} chunks among {among:,}", few, 6),
    ]
    return rows, [{"large": large, "small": few, "chunks": chunks, "among": among}]


def pdf(pages, seed):
    """A PDF of so many full pages of text."""
    chance, parts, places = random.Random(seed), [b"%PDF-1.4\n"], []
    words = vocabulary(random.Random(13))

    def add(number, body):
        places.append((number, sum(map(len, parts))))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    add(1, b"<< /Type /Catalog /Pages 2 0 R >>")
    add(2, b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(pages))))
    add(3, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for n in range(pages):
        lines = [" ".join(chance.choices(words, k=12)).capitalize() + "." for _ in range(42)]
        drawn = "BT /F1 11 Tf 14 TL 60 780 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        add(4 + 2 * n, b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % (5 + 2 * n))
        add(5 + 2 * n, b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn.encode()))
    at = sum(map(len, parts))
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
    parts.extend(b"%010d 00000 n \n" % place for _, place in sorted(places))
    parts.append(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, at))
    return b"".join(parts)


def ready(bench, user, kb, body):
    """Seconds from sending a document until each of its passages has its vector; how many there are."""
    began = time.perf_counter()
    answer = bench.request("POST", f"/api/knowledge/{kb}/documents?filename=book.pdf", user, body=body,
                           headers={"Content-Type": "application/pdf"})
    assert answer.status == 202, answer
    path = f"/api/knowledge/{kb}/documents/{answer.json['document']['id']}"
    while (document := bench.get(path, user).json)["state"] != "ready":
        assert document["state"] != "failed" and time.perf_counter() - began < 300, document
        time.sleep(0.05)
    return time.perf_counter() - began, document


def b14(bench, plan):
    if not bench.get("/api/models?type=embedding", bench.make_user()).json["items"]:
        searchlib.add_models(bench, price="1")
        time.sleep(1)
    user, pages = bench.make_user(credits="1000000"), 250
    kb = bench.post("/api/knowledge", {"name": "B14", "embedding_model": searchlib.MODEL}, user).json["id"]
    took, chunks = [], 0
    for n in range(plan.rounds):
        seconds, document = ready(bench, user, kb, pdf(pages, n))
        assert document["pages"] == pages and document["skipped"] == 0, document
        chunks = document["chunks"]
        took.append(seconds * 1e6)
    took.sort()
    p50 = took[len(took) // 2]
    rows = [
        Row("B14", f"a PDF of {pages} pages, {chunks:,} passages: sent, read, embedded by weir-demo", ms(p50), "", f"slowest {ms(took[-1])}",
            "≤ 10 s", p50 <= 10e6),
        Row("", "  pages per second", f"{pages / (p50 / 1e6):.0f}", "", "", "", None),
    ]
    return rows, [{"took_us": took, "pages": pages, "chunks": chunks}]
