"""How good search is: known sentences and concept questions over the manual pages of this host, with gates.

The pages are those of PostgreSQL, OpenSSL and OpenSSH, whose licences allow it, as they are installed. Vectors are
weir-demo's, which know a hundred concepts in Chinese and English; the rest of the path is what any base goes.
"""

import concurrent.futures
import glob
import gzip
import json
import os
import re
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from searchlib import add_models, make_base, search, tool, uuid7  # noqa: E402

PAGES_MIN, QUESTIONS = 150, 200
WHERE = ["/usr/share/postgresql/*/man/man[17]/*.gz", "/usr/share/man/man[15]/*.[15]ssl.gz", "/usr/share/man/man[158]/ss[h]*.gz",
         "/usr/share/man/man[18]/s[cf]*p*.gz"]
STOP = set("a about all also an and any are as at be been but by can do does for from had has have how if in into is it its may more no not of on"
           " only or other set so such than that the then there these they this to use used using was when where which will with you".split())
# What is asked, and the pages that answer it: no word, or no language, in common with most of them.
CONCEPTS = [
    ("如何删除一个数据库", "dropdb DROP_DATABASE"), ("怎么备份整个数据库", "pg_dump pg_dumpall pg_basebackup"), ("怎样恢复备份", "pg_restore"),
    ("如何新建用户", "createuser CREATE_USER CREATE_ROLE"), ("如何修改用户的密码", "ALTER_ROLE ALTER_USER"), ("怎样清理和回收表格的空间", "VACUUM vacuumdb"),
    ("如何创建索引", "CREATE_INDEX"), ("怎样重建索引", "REINDEX reindexdb"), ("怎么统计表格", "ANALYZE"), ("锁定表格", "LOCK"),
    ("撤销权限", "REVOKE"), ("怎样授权给用户", "GRANT"), ("如何提交事务", "COMMIT END COMMIT_PREPARED"), ("怎样生成随机数", "openssl-rand"),
    ("怎样检查一个数是不是质数", "openssl-prime"), ("如何生成私钥", "openssl-genrsa openssl-genpkey ssh-keygen openssl-gendsa"),
    ("怎样计算文件的摘要", "openssl-dgst"), ("如何加密文件", "openssl-enc"), ("怎样吊销证书", "openssl-ca openssl-crl openssl-ocsp"),
    ("怎样加密和签名邮件", "openssl-smime openssl-cms"), ("如何验证证书", "openssl-verify"), ("怎样申请证书", "openssl-req openssl-ca"),
    ("怎样从远程主机复制文件", "scp sftp"), ("如何把公钥复制到远程主机", "ssh-copy-id"), ("远程登录到另一台主机", "ssh"),
    ("如何升级数据库版本", "pg_upgrade"), ("怎样测试数据库的性能", "pgbench"), ("检查数据库是否损坏", "pg_amcheck pg_checksums"),
    ("怎样启动、停止和重启服务器", "pg_ctl"), ("数据库重命名", "ALTER_DATABASE"), ("erase a table for good", "DROP_TABLE TRUNCATE"),
    ("purge rows of a table", "DELETE TRUNCATE"), ("terminate the server", "pg_ctl"), ("remove a login", "DROP_ROLE dropuser DROP_USER"),
    ("establish a new account", "createuser CREATE_USER CREATE_ROLE"), ("modify a table", "ALTER_TABLE"), ("reclaim garbage", "VACUUM vacuumdb"),
    ("make a duplicate of a table's rows as a file", "COPY pg_dump"), ("produce a fingerprint of a file", "openssl-dgst"),
    ("encipher a document", "openssl-enc"),
]


def read_page(path):
    """A manual page as canonical text; None for one that only points at another."""
    with gzip.open(path) as f:
        source = f.read()
    if source.lstrip().startswith(b".so "):
        return None
    made = subprocess.run(["nroff", "-mandoc", "-rLL=120n", "-c", "-Tutf8"], input=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text = re.sub(".\b", "", re.sub("\x1b\\[[0-9;]*m", "", made.stdout.decode(errors="replace")))
    lines = text.strip("\n").split("\n")[1:-1]
    out = []
    for line in lines:
        if re.match(r"[A-Z]", line):
            out += ["", "# " + line.strip(), ""]
        elif re.match(r"   ?\S", line):
            out += ["", "## " + line.strip(), ""]
        else:
            out.append(line.strip())
    text = re.sub(r"\n{3,}", "\n\n", re.sub("[\u2010\u2011]\n", "", "\n".join(out)))
    return re.sub("[\u2010\u2011]", "-", text)


def read_pages():
    paths = {}
    for pattern in WHERE:
        for path in sorted(glob.glob(pattern)):
            name = re.sub(r"(\.\w+)?\.gz$", "", os.path.basename(path))
            paths.setdefault(name, path)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        texts = pool.map(read_page, paths.values())
    return [(n, t) for n, t in zip(paths, texts) if t and len(t) > 500]


def words(text):
    return re.findall(r"[A-Za-z][A-Za-z0-9_]*", text)


def flat(text):
    return " ".join(text.split())


def questions(pages):
    """Sentences of pages, less the words that are everywhere; and the pages that have them."""
    flats = [flat(t) for _, t in pages]
    made = []
    for step in range(len(pages) * 4):
        at = step * 7 % len(pages)
        sentences = [s for s in re.split(r"(?<=[.])\s", flats[at].split("# DESCRIPTION", 1)[-1]) if 8 <= len(words(s)) <= 25 and "#" not in s]
        if not sentences:
            continue
        sentence = sentences[step * 13 % len(sentences)]
        asked = [w for w in words(sentence) if w.lower() not in STOP][:8]
        if len(asked) < 5 or any(q == " ".join(asked) for q, _ in made):
            continue
        made.append((" ".join(asked), {pages[i][0] for i, t in enumerate(flats) if sentence in t}))
        if len(made) == QUESTIONS:
            break
    return made


def ranked(weir, user, kb, names, query, **more):
    """The first pages that are found, each once."""
    found = []
    for item in search(weir, user, kb, query, top_k=20, **more)["items"]:
        name = names[item["document_id"]]
        if name not in found:
            found.append(name)
    return found[:5]


@pytest.fixture(scope="module")
def pages(weir):
    pages = read_pages()
    if len(pages) < PAGES_MIN:
        pytest.skip(f"{len(pages)} manual pages are installed, {PAGES_MIN} are needed")
    return pages


@pytest.fixture(scope="module")
def base(weir, pages):
    add_models(weir)
    user = weir.make_user(credits="100000")
    kb, ids = make_base(weir, user, pages)
    with weir.pg() as pg:
        pg.query("ANALYZE kb_chunk")
    return user, kb, {i: p[0] for i, p in zip(ids, pages)}


def share(hits):
    return sum(hits) / len(hits)


def test_known_sentences(weir, base, pages):
    user, kb, names = base
    asked = questions(pages)
    assert len(asked) == QUESTIONS
    found = [(expected, ranked(weir, user, kb, names, query)) for query, expected in asked]
    five, first = share([bool(e & set(f)) for e, f in found]), share([bool(f) and f[0] in e for e, f in found])
    print(f"# {len(pages)} pages, {QUESTIONS} sentences: r@5 {five:.3f}, r@1 {first:.3f}")
    assert five >= 0.95


def test_concepts(weir, base):
    user, kb, names = base
    got = {q: (set(expected.split()), ranked(weir, user, kb, names, q)) for q, expected in CONCEPTS}
    hybrid = share([bool(e & set(f)) for e, f in got.values()])
    vector = share([bool(set(e.split()) & set(ranked(weir, user, kb, names, q, mode="vector"))) for q, e in CONCEPTS])
    text = share([bool(set(e.split()) & set(ranked(weir, user, kb, names, q, mode="text"))) for q, e in CONCEPTS])
    print(f"# concepts: hybrid {hybrid:.3f}, vector {vector:.3f}, text {text:.3f}")
    print("# missed: " + "; ".join(f"{q} -> {f[:3]}" for q, (e, f) in got.items() if not e & set(f)))
    assert hybrid >= 0.5 and text < hybrid


def test_candidates(pages):
    asked = [q for q, _ in questions(pages)] + [q for q, _ in CONCEPTS]
    lines = [{"id": uuid7(), "title": n, "text": t} for n, t in pages] + [{"query": q} for q in asked]
    told = subprocess.run([tool(), "recall"], input="".join(json.dumps(x) + "\n" for x in lines).encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
    print("# recall of candidates: " + told)
    assert float(told.split()[0]) >= 0.95


def test_passages_are_verbatim(weir, base, pages):
    user, kb, names = base
    texts = dict(pages)
    seen = 0
    for query, _ in CONCEPTS:
        for item in search(weir, user, kb, query, top_k=50)["items"]:
            there = texts[names[item["document_id"]]][item["from"]:item["to"]]
            assert there and item["text"].endswith(there)
            seen += 1
    assert seen > 1000
