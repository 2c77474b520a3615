"""weir-parse: documents of each format, made here, and the text that comes of them."""

import io
import os
import signal
import struct
import subprocess
import tempfile
import time
import zipfile
import zlib

import pytest

PROGRAM = os.path.join(os.environ.get("WEIR_BUILD_DIR", "build"), "weir-parse")
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


class Parsed:
    def __init__(self, out):
        head, _, text = out.partition(b"\n\n")
        self.head = dict(line.split(" ", 1) for line in head.decode().splitlines()[1:])
        assert head.startswith(b"weir-parse 1\n"), out[:200]
        assert int(self.head["text"]) == len(text)
        self.text = text.decode()
        self.code, self.kind, self.title = (self.head.get(n) for n in ("code", "kind", "title"))
        self.pages = int(self.head["pages"])
        assert not any(ord(c) < 32 and c not in "\n\f" for c in self.text)


def parse(data, hint="", lang="en", memory=1 << 30, text=32 << 20, pages=5000, before=()):
    with tempfile.TemporaryFile() as f:
        f.write(data)
        f.flush()

        def third():
            os.dup2(f.fileno(), 3)
            os.set_inheritable(3, True)  # also if it was 3 already

        done = subprocess.run([*before, PROGRAM, "--cpu=30", "--wall=600", f"--memory={memory}", f"--text={text}",
                               f"--pages={pages}", f"--lang={lang}", f"--hint={hint}"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=third, close_fds=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return Parsed(done.stdout)


def archive(entries, stored=()):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in entries.items():
            z.writestr(name, text, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED)
    return out.getvalue()


def rels(*items):
    rows = "".join(f'<Relationship Id="{i}" Type="{REL}/{kind}" Target="{target}"/>' for i, kind, target in items)
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def core(title):
    return ('<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp:coreProperties>')


# ---- DOCX


def docx(body, more=None):
    entries = {
        "_rels/.rels": rels(("r1", "officeDocument", "word/document.xml")),
        "word/_rels/document.xml.rels": rels(("r1", "styles", "styles.xml"), ("r2", "footnotes", "/word/footnotes.xml")),
        "word/styles.xml": f'<w:styles {W}>'
                           '<w:style w:styleId="Kop1"><w:name w:val="heading 1"/></w:style>'
                           '<w:style w:styleId="Mine"><w:basedOn w:val="Kop2"/><w:name w:val="Mine"/></w:style>'
                           '<w:style w:styleId="Kop2"><w:name w:val="other"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
                           '<w:style w:styleId="Bul"><w:name w:val="List Bullet"/></w:style>'
                           '<w:style w:styleId="Loop"><w:basedOn w:val="Loop"/><w:name w:val="Loop"/></w:style>'
                           '</w:styles>',
        "word/document.xml": f"<w:document {W} {R}><w:body>{body}</w:body></w:document>",
        "docProps/core.xml": core("The &amp; Title"),
    }
    return archive({**entries, **(more or {})})


def p(text, style=None, props=""):
    style = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f'<w:p><w:pPr>{style}{props}</w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def tc(inside, props=""):
    return f"<w:tc><w:tcPr>{props}</w:tcPr>{inside}</w:tc>"


def test_docx():
    got = parse(docx(
        p("Chapter", "Kop1") + p("Part", "Mine") + p("plain", "Loop") + p("outlined", None, '<w:outlineLvl w:val="2"/>')
        + p("a", "Bul") + p("b", None, '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="3"/></w:numPr>')
        + p("no item", "Bul", '<w:numPr><w:numId w:val="0"/></w:numPr>')
        + "<w:p><w:r><w:t>one</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t><w:noBreakHyphen/></w:r>"
          "<w:del><w:r><w:delText>gone</w:delText><w:t>gone too</w:t></w:r></w:del>"
          "<w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"))
    assert got.kind == "docx" and got.code is None and got.pages == 0 and got.title == "The & Title"
    assert got.text == ("# Chapter\n\n## Part\n\nplain\n\n### outlined\n\n- a\n- b\n\nno item\n\none two\nthree-new\n")


def test_docx_tables_notes_and_boxes():
    box = ("<w:p><w:r><mc:AlternateContent xmlns:mc='x'><mc:Choice><w:txbxContent>" + p("boxed")
           + "</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>" + p("boxed") + "</w:txbxContent></mc:Fallback>"
           "</mc:AlternateContent></w:r></w:p>")
    table = ("<w:tbl><w:tblPr/><w:tr>" + tc(p("name|x") + p("more")) + tc(p("v"), '<w:gridSpan w:val="2"/>') + "</w:tr><w:tr>"
             + tc(p("1")) + tc(p("2") + "<w:tbl><w:tr>" + tc(p("in")) + tc(p("ner")) + "</w:tr></w:tbl>") + tc(p("3"))
             + "</w:tr></w:tbl>")
    notes = (f'<w:footnotes {W}><w:footnote w:type="separator" w:id="-1">{p("----")}</w:footnote>'
             f'<w:footnote w:id="2">{p("The note.")}</w:footnote></w:footnotes>')
    got = parse(docx(table + p("after") + '<w:p><w:r><w:t>said</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
                     + box, {"word/footnotes.xml": notes}))
    assert got.text == ("| name\\|x more | v |  |\n| --- | --- | --- |\n| 1 | 2 in ner | 3 |\n\nafter\n\nsaid[^2]\n\n"
                        "boxed\n\n[^2]The note.\n")


# ---- PPTX


def slide(*shapes):
    return f"<p:sld {P} {A} {R}><p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld></p:sld>"


def shape(text, ph=None):
    place = "" if ph is None else f"<p:nvSpPr><p:nvPr><p:ph {ph}/></p:nvPr></p:nvSpPr>"
    paragraphs = "".join(f"<a:p><a:r><a:t>{t}</a:t></a:r></a:p>" for t in text.split("\n"))
    return f"<p:sp>{place}<p:txBody>{paragraphs}</p:txBody></p:sp>"


def pptx(slides, order):
    entries = {
        "_rels/.rels": rels(("r1", "officeDocument", "/ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {P} {R}><p:sldIdLst>"
                                + "".join(f'<p:sldId id="{256 + i}" r:id="{i}"/>' for i in order)
                                + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": rels(*((f"{i}", "slide", f"slides/slide{i}.xml") for i in range(len(slides)))),
    }
    for i, text in enumerate(slides):
        entries[f"ppt/slides/slide{i}.xml"] = text
    entries["ppt/slides/_rels/slide0.xml.rels"] = rels(("n", "notesSlide", "../notesSlides/notes.xml"))
    entries["ppt/notesSlides/notes.xml"] = slide(shape("7", 'type="sldNum"'), shape("say this", 'type="body" idx="1"'))
    return archive(entries)


def test_pptx():
    table = ('<p:graphicFrame><a:graphic><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>h</a:t></a:r></a:p></a:txBody></a:tc>'
             '<a:tc><a:txBody><a:p/></a:txBody></a:tc></a:tr></a:tbl></a:graphic></p:graphicFrame>')
    got = parse(pptx([slide(shape("First", 'type="title"'), shape("one\ntwo", 'idx="1"'), shape("12", 'type="sldNum"')),
                      slide(shape("自由文字"), table), slide()], (1, 0, 2)))
    assert got.kind == "pptx" and got.pages == 3
    assert got.text == "自由文字\n\n| h |  |\n| --- | --- |\n\f# First\n\n- one\n- two\n\nsay this\n\f"


# ---- XLSX


def xlsx(sheets, extra=""):
    """sheets: (name, state, rows xml)"""
    entries = {
        "_rels/.rels": rels(("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {S} {R}>{extra}<sheets>" + "".join(
            f'<sheet name="{n}" sheetId="{i}" state="{state}" r:id="s{i}"/>' for i, (n, state, _) in enumerate(sheets))
            + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": rels(*((f"s{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in range(len(sheets))),
                                           ("x", "sharedStrings", "sharedStrings.xml"), ("y", "styles", "styles.xml")),
        "xl/sharedStrings.xml": f"<sst {S}><si><t>Name</t></si><si><r><t>two </t></r><r><t>runs</t></r>"
                                "<rPh><t>spoken</t></rPh></si></sst>",
        "xl/styles.xml": f'<styleSheet {S}><numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;m&quot;月&quot;"/>'
                         '<numFmt numFmtId="165" formatCode="[Red]#,##0.00&quot; day&quot;"/></numFmts>'
                         '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
                         '<xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="10"/><xf numFmtId="22"/><xf numFmtId="20"/>'
                         '</cellXfs></styleSheet>',
    }
    for i, (_, _, rows) in enumerate(sheets):
        entries[f"xl/worksheets/sheet{i}.xml"] = f"<worksheet {S}><sheetData>{rows}</sheetData></worksheet>"
    return archive(entries)


def cell(ref, value, kind="n", style=0):
    inside = f"<is><t>{value}</t></is>" if kind == "inlineStr" else f"<f>SUM(1)</f><v>{value}</v>"
    return f'<c r="{ref}" t="{kind}" s="{style}">{inside}</c>'


def row(number, *cells):
    return f'<row r="{number}">{"".join(cells)}</row>'


def test_xlsx():
    rows = (row(2, cell("B2", 0, "s"), cell("C2", 1, "s"), cell("D2", "in", "inlineStr"))
            + row(3, cell("B3", "0.30000000000000004"), cell("D3", 1, "b"), cell("E3", "#N/A", "e"))
            + row(7, cell("A7", 45292, style=1), cell("B7", 45292, style=2), cell("C7", 2.5, style=3),
                  cell("D7", 0.125, style=4), cell("E7", 45292.75, style=5), cell("F7", 0.5, style=6),
                  cell("G7", "text", "str")))
    got = parse(xlsx([("表一", "visible", rows), ("secret", "hidden", row(1, cell("A1", 1))), ("Empty", "visible", ""),
                      ("C", "visible", row(1, cell("A1", 99, "s"), cell("B1", 12345678901)))]))
    assert got.kind == "xlsx" and got.pages == 3 and got.code is None
    assert got.text == ("# 表一\n\n|  | Name | two runs | in |\n| --- | --- | --- | --- |\n|  | 0.3 |  | TRUE | #N/A |\n\n"
                        "| 2024-01-01 | 2024-01-01 | 2.5 | 12.5% | 2024-01-01 18:00:00 | 12:00:00 | text |\n"
                        "| --- | --- | --- | --- | --- | --- | --- |\n\f# Empty\n\f# C\n\n|  | 12345678901 |\n| --- | --- |\n")


def test_xlsx_days():
    days = "".join(row(i + 1, cell(f"A{i + 1}", d, style=1)) for i, d in enumerate((1, 59, 61, 36526, 2958465)))
    text = parse(xlsx([("S", "visible", days)])).text
    assert [x.strip("| ") for x in text.splitlines()[2:] if "---" not in x] == [
        "1900-01-01", "1900-02-28", "1900-03-01", "2000-01-01", "9999-12-31"]
    text = parse(xlsx([("S", "visible", row(1, cell("A1", 0, style=1)))], '<workbookPr date1904="1"/>')).text
    assert "1904-01-01" in text


def test_xlsx_far_column():
    """A cell at the far right costs what it is, not what is left of it."""
    got = parse(xlsx([("S", "visible", "".join(row(i, cell(f"XFD{i}", i)) for i in range(1, 2001)))]))
    assert got.code is None and len(got.text) < 4 << 20


# ---- ODT


def odt(body, manifest="", title="Brief"):
    ns = ('xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
          'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"')
    return archive({
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<office:document-content {ns}><office:automatic-styles><x>no</x></office:automatic-styles>"
                       f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        "meta.xml": f"<office:document-meta {ns}><office:meta><dc:title>{title}</dc:title></office:meta></office:document-meta>",
        "META-INF/manifest.xml": f'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{manifest}</m:manifest>',
    }, stored=("mimetype",))


def test_odt():
    got = parse(odt(
        '<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>'
        '<text:h text:outline-level="2">Head</text:h><text:p>a<text:s text:c="3"/>b<text:tab/>c<text:line-break/>d'
        '<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>note</text:p></text:note-body></text:note>'
        ' e<office:annotation><text:p>remark</text:p></office:annotation></text:p>'
        '<text:list><text:list-item><text:p>one</text:p><text:p>still</text:p></text:list-item>'
        '<text:list-item><text:p>two</text:p></text:list-item></text:list>'
        '<table:table><table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell>'
        '<table:covered-table-cell/><table:table-cell><text:p>y</text:p></table:table-cell></table:table-row></table:table>'))
    assert got.kind == "odt" and got.title == "Brief"
    assert got.text == ("## Head\n\na b c\nd [ note] e\n\n- one\n\nstill\n\n- two\n\n"
                        "| x |  |  | y |\n| --- | --- | --- | --- |\n")


def test_odt_encrypted():
    assert parse(odt("", '<m:file-entry><m:encryption-data/></m:file-entry>')).code == "encrypted"


# ---- EPUB


def epub(more=None):
    return archive({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns:dc="d"><metadata><dc:title>小书</dc:title></metadata><manifest>'
                        '<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/>'
                        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
                        '<item id="one" href="../OPS/chapter%20one.xhtml#x" media-type="application/xhtml+xml"/>'
                        '<item id="pic" href="a.png" media-type="image/png"/></manifest>'
                        '<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="pic"/><itemref idref="missing"/>'
                        '<itemref idref="two"/></spine></package>',
        "OPS/chapter one.xhtml": '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>c</title></head>'
                                 "<body><h1>第一章</h1><p>很长\n的一行</p></body></html>",
        "OPS/two.xhtml": "<html><body><h1>Two</h1><p>second</p></body></html>",
        "OPS/nav.xhtml": "<html><body><p>contents</p></body></html>",
        **(more or {}),
    }, stored=("mimetype",))


def test_epub():
    got = parse(epub())
    assert got.kind == "epub" and got.title == "小书" and got.pages == 0
    assert got.text == "# 第一章\n\n很长的一行\n\n# Two\n\nsecond\n"


def test_epub_encrypted():
    def locked(algorithm):
        return {"META-INF/encryption.xml": "<encryption><EncryptedData><EncryptionMethod "
                f'Algorithm="{algorithm}"/></EncryptedData></encryption>'}
    assert parse(epub(locked("http://www.w3.org/2001/04/xmlenc#aes128-cbc"))).code == "encrypted"
    assert parse(epub(locked("http://www.idpf.org/2008/embedding"))).code is None  # a font


# ---- HTML


def test_html():
    got = parse("""<!doctype html><html><head><title> A
      title </title><style>p { }</style><script>if (a < b) x("<p>no</p>")</script></head><body>
      <nav>menu</nav><h2>Head <em>ing</em></h2>Text<b>bold</b> and<br>break<p>one<p>two
      <ul><li>a<li><p>b</p><p>more</p><li>c <ul><li>d</ul></ul>
      <pre>  code\n\n    here </pre><blockquote>said</blockquote>
      <table><caption>Cap</caption><thead><tr><th>h<th>i</thead><tr><td>1<td>2<br>3</table>
      <noscript>no</noscript><svg><title>no</title><text>no</text></svg><textarea>no</textarea>&lt;&nbsp;&amp;&#x4e2d;&copy;</body></html>""".encode())
    assert got.kind == "html" and got.title == "A title"
    assert got.text == ("## Head ing\n\nTextbold and\nbreak\n\none\n\ntwo\n\n- a\n- b\n\nmore\n\n- c\n- d\n\n"
                        "```\n  code\n\n    here\n```\n\nsaid\n\n| h | i |\n| --- | --- |\n| 1 | 2 3 |\n\n< &中©\n")


def test_html_charsets():
    text = "<html><meta charset={}><p>中文字"
    assert parse(text.format("gb2312").encode("gb18030")).text == "中文字\n"
    assert parse(text.format("big5").encode("big5")).text == "中文字\n"
    assert parse(text.format("iso-8859-1").encode()).text == "中文字\n"  # it is UTF-8, whatever it says
    assert parse(text.format("x").encode("utf-16")).text == "中文字\n"
    assert parse("<html><p>Zażółć gęślą jaźń</p>".encode("utf-8-sig")).text == "Zażółć gęślą jaźń\n"


def test_html_hostile():
    assert parse(b"<html>" + b"<div>" * 300000 + b"deep").code in (None, "empty")
    assert parse(b"<html>" + b"<table><tr><td>" * 20000 + b"x").code in (None, "empty")
    assert parse(b"<html>" + b"<p>" * (8 << 20)).code == "empty"
    assert "no end" in parse(b"<html><p>no end<!-- comment <b>").text


# ---- Markdown, text, CSV


def test_markdown():
    got = parse("""Setext
======

中文段落的第一行
第二行。
第三行  \n硬换行

* star
+ plus
    * deep
- minus

~~~python
# no heading

\tx = 1
~~~

| a | b |
|---|---|

## Sub ##
---
not closed:
```
x
""".encode(), "md")
    assert got.kind == "md" and got.title == "Setext"
    assert got.text == ("# Setext\n\n中文段落的第一行第二行。\n第三行\n硬换行\n\n- star\n- plus\n    - deep\n- minus\n\n"
                        "```\n# no heading\n\n    x = 1\n```\n\n| a | b |\n|---|---|\n\n## Sub ##\n---\nnot closed:\n"
                        "```\nx\n```\n")


def test_txt():
    wrapped = "这是一个很长的段落它在文本文件里被按照固定的宽度折成了\n若干行。\n短标题\n另一行\n"
    assert parse(wrapped.encode(), "txt").text == "这是一个很长的段落它在文本文件里被按照固定的宽度折成了若干行。\n短标题\n另一行\n"
    got = parse("a\r\nb\rc\n\n\n\nd\ttab  \n\fe\n".encode(), "txt")
    assert got.text == "a\nb\nc\n\nd    tab\n\fe\n" and got.pages == 2
    assert parse("中文".encode("gb18030"), "txt", "zh").text == "中文\n"
    assert parse("日本語のテキストです。漢字とかなが混ざっている文章を判定します。".encode("shift_jis"), "txt").text.startswith("日本語")
    assert parse("이것은 한국어 문장입니다. 문자 집합을 알아맞혀야 합니다.".encode("euc-kr"), "txt").text.startswith("이것은")
    big5 = "這是一段用大五碼編寫的中文，沒有聲明編碼方式，需要由解析器自行判斷。"
    assert parse(big5.encode("big5"), "txt", "zh").text == big5 + "\n"
    assert parse(b"x" * 100 + b"\0" + b"y" * 100, "txt").code == "unsupported_type"
    assert parse(os.urandom(5000), "txt").code == "unsupported_type"
    assert parse(b" \n\t\n", "txt").code == "empty"


def test_csv():
    assert parse(b'name,"a ""q"", b"\n1,"two\nlines"\n\n3,\n', "csv").text == (
        '| name | a "q", b |\n| --- | --- |\n| 1 | two lines |\n| 3 |  |\n')
    assert parse("名;值\n甲;1,5\n".encode("gb18030"), "csv", "zh").text == "| 名 | 值 |\n| --- | --- |\n| 甲 | 1,5 |\n"
    assert parse(b"a\tb\r\n1\t2\r\n", "tsv").text == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    assert parse(b'"never closed,\n1,2\n', "csv").code is None
    assert parse(b"," * (1 << 20), "csv").code == "empty"


# ---- PDF


def pdf(objects):
    out = b"%PDF-1.4\n"
    at = []
    for number, body in enumerate(objects, 1):
        at.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode() + b"".join(f"{a:010} 00000 n \n".encode() for a in at)
    return out + f"trailer\n<< /Root 1 0 R /Size {len(objects) + 1} >>\nstartxref\n{start}\n%%EOF".encode()


def stream(text):
    packed = zlib.compress(text.encode("latin1"))
    return b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(packed) + packed + b"\nendstream"


def page_lines(lines, top=700):
    """lines: (x, step down, text, size)"""
    out, y = "BT ", top
    for x, step, text, *size in lines:
        y -= step
        out += f"/F1 {size[0] if size else 12} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj "
    return stream(out + "ET")


def test_pdf_paragraphs_and_outline():
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 6 0 R >> >> /Contents %d 0 R >>"
    got = parse(pdf([
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 8 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        page % 5, page % 7,
        page_lines([(72, 0, "1.2 Getting started"), (72, 20, "This is the first paragraph of some text, which"),
                    (72, 14, "goes on on a second line and a third one that"), (72, 14, "ends."),
                    (72, 28, "A second paragraph begins below."), (72, 14, "It has two lines that are of usual length."),
                    (96, 14, "This one is indented, and so another paragraph"), (72, 14, "than the one before."),
                    (72, 14, "\\225 and a bullet")]),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        page_lines([(72, 0, "Second page")]),
        b"<< /First 9 0 R /Last 9 0 R /Count 1 >>",
        b"<< /Title (Getting Started) /Parent 8 0 R /Dest [3 0 R /XYZ 0 700 0] /First 10 0 R /Last 10 0 R >>",
        b"<< /Title (Second page) /Parent 9 0 R /Dest [4 0 R /Fit] >>",
    ]))
    assert got.kind == "pdf" and got.pages == 2 and got.code is None
    assert got.text == ("# 1.2 Getting started\n\nThis is the first paragraph of some text, which\n"
                        "goes on on a second line and a third one that\nends.\n\n"
                        "A second paragraph begins below.\nIt has two lines that are of usual length.\n\n"
                        "This one is indented, and so another paragraph\nthan the one before.\n- and a bullet\n"
                        "\f## Second page\n")


def test_pdf_headings_by_size():
    """Without an outline what is set larger than the text is a heading, also on two lines."""
    body = [(72, 14, "Text of the usual size that stands on a line"), (72, 14, "and on another one, and on a third.")]
    got = parse(pdf([
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        page_lines([(72, 0, "A long title that", 24), (72, 28, "takes two lines", 24), *body, (72, 30, "1. A part", 16), *body,
                    (72, 30, "Smaller part", 14), *body, (72, 30, "This is a sentence that is set large.", 14),
                    (72, 20, "2026", 24)])]))
    text = "Text of the usual size that stands on a line\nand on another one, and on a third."
    assert got.text == (f"# A long title that takes two lines\n\n{text}\n\n## 1. A part\n\n{text}\n\n### Smaller part\n\n"
                        f"{text}\n\nThis is a sentence that is set large.\n2026\n")


def test_pdf_outline_loops():
    """An outline that leads to itself ends."""
    got = parse(pdf([
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>", b"<< /First 5 0 R /Last 5 0 R /Count 1 >>",
        b"<< /Title (x) /Parent 4 0 R /Next 5 0 R /First 5 0 R /Last 5 0 R >>"]))
    assert got.code == "no_text_layer"


def test_pdf_without_language_pack():
    """Without poppler-data the text of some fonts is missing: that is an error, not a document without text."""
    hidden = ["unshare", "-m" if os.getuid() == 0 else "-rm", "sh", "-c", 'mount -t tmpfs none /usr/share/poppler && exec "$@"', "sh"]
    if subprocess.run([*hidden, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no mount namespaces here")
    with open(os.path.join(os.environ.get("srcdir", "."), "tests/data/kbfiles/made-zh-unembedded-font.pdf"), "rb") as f:
        got = parse(f.read(), before=hidden)
    assert got.code == "missing_language_pack" and got.text == ""


# ---- archives that are not what they seem


def test_archives_of_other_kinds():
    assert parse(archive({"a.txt": "x"})).code == "unsupported_type"
    assert parse(archive({"mimetype": "application/vnd.oasis.opendocument.graphics"})).code == "unsupported_type"
    assert parse(archive({"_rels/.rels": rels(("r", "officeDocument", "a.bin")), "a.bin": "no xml"})).code == "damaged"
    assert parse(archive({"_rels/.rels": rels(("r", "officeDocument", "a.xml")), "a.xml": "<book/>"})).code == "unsupported_type"
    assert parse(archive({"_rels/.rels": rels(("r", "officeDocument", "gone.xml"))})).code == "damaged"
    whole = docx(p("x"))
    for cut in (10, len(whole) // 2, len(whole) - 10):
        assert parse(whole[:cut]).code == "damaged"
    assert parse(docx("<w:p><w:unclosed></w:p>")).code == "damaged"


def test_archive_encrypted():
    data = bytearray(docx(p("secret")))
    at = data.find(b"PK\1\2")
    while at >= 0:  # the flag of each entry, in the list at the end
        data[at + 8] |= 1
        at = data.find(b"PK\1\2", at + 4)
    assert parse(bytes(data)).code == "encrypted"


def test_archive_bombs():
    many = {f"f{i}": "" for i in range(10001)}
    assert parse(archive({**many, "_rels/.rels": rels()})).code == "too_large"
    # 70 MB in all, of parts that are each below the bounds
    part = p("".join(chr(0x4e00 + (i * 7919) % 20000) for i in range(100000)))
    slides = [slide(*(shape(os.urandom(1 << 20).hex()) for _ in range(4))) for _ in range(9)]
    assert parse(pptx(slides, range(9)), text=1 << 30).code == "too_large"
    # An entry that says it has ten bytes: what it says does not count.
    data = bytearray(docx(p("A" * (30 << 20))))
    name = data.rfind(b"word/document.xml") - 46
    assert data[name:name + 4] == b"PK\1\2"
    struct.pack_into("<I", data, name + 24, 10)
    assert parse(bytes(data)).code in ("too_large", "damaged")
    assert parse(docx(part)).code is None


def test_xml_bombs():
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    body = f'<!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]><w:document {W}><w:body>{p("a &l11; b")}</w:body></w:document>'
    got = parse(docx("", {"word/document.xml": body}))
    assert got.code == "damaged" or len(got.text) < 100
    deep = "<w:sdt>" * 100000 + p("x") + "</w:sdt>" * 100000
    assert parse(docx(deep)).code in ("damaged", "empty", None)
    remote = (f'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd" [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
              f'<w:document {W}><w:body>{p("a &f; b")}</w:body></w:document>')
    assert parse(docx("", {"word/document.xml": remote})).text == "a b\n"


def test_memory():
    """What needs more than it may have ends, with a code or by a signal that parse_document() explains."""
    page = "".join(p("word " * 50) for _ in range(150000))
    try:
        got = parse(docx(page), memory=100 << 20)
        assert got.code is not None or got.text
    except AssertionError as e:
        assert "-6" in str(e) or "-11" in str(e) or "-5" in str(e), e


def test_signals():
    """Whoever stops the service signals all of its processes: a document is read to its end even so."""
    document = os.open(os.path.join(os.environ.get("srcdir", "."), "tests/data/kbfiles/made-pdf-form-bomb.pdf"), os.O_RDONLY)

    def third():
        os.dup2(document, 3)
        os.set_inheritable(3, True)

    p = subprocess.Popen([PROGRAM, "--cpu=60", "--wall=600", "--memory=1073741824", "--text=65536", "--pages=5"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=third, close_fds=False)
    os.close(document)
    try:
        time.sleep(1)
        for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            p.send_signal(signo)
        with pytest.raises(subprocess.TimeoutExpired):
            p.wait(1)
    finally:
        p.kill()
        p.communicate()


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_any_prefix(cut):
    """Whatever of a file arrives, it ends well."""
    for data in (docx(p("x")), epub(), odt("<text:p>x</text:p>"), xlsx([("S", "visible", row(1, cell("A1", 1)))])):
        parse(data[:len(data) * cut // 100])


def test_usage():
    assert subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE).returncode == 0
    for args in ([], ["--cpu=x"], ["--cpu=1", "--wall=1", "--memory=1", "--text=1", "--pages=99999999999"]):
        assert subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 64
