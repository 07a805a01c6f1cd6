"""Small .xlsx workbooks, written part by part."""

from __future__ import annotations

import io
import zipfile

PARTS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sheet(cells: list[list[object]]) -> str:
    """The XML of a sheet, from A1 on."""
    written = []
    for number, row in enumerate(cells, 1):
        parts = []
        for place, value in enumerate(row):
            where = f"{chr(65 + place)}{number}"
            if isinstance(value, int | float):
                parts.append(f'<c r="{where}"><v>{value}</v></c>')
            else:
                parts.append(f'<c r="{where}" t="inlineStr"><is><t>{value}</t></is></c>')
        written.append(f'<row r="{number}">{"".join(parts)}</row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(written)}</sheetData></worksheet>'


def workbook(*sheets: str, extra: dict[str, bytes] | None = None) -> bytes:
    """The smallest workbook with these sheets."""
    numbers = range(1, len(sheets) + 1)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kind}"/>' for i in numbers
    )
    names = "".join(f'<sheet name="S{i}" sheetId="{i}" r:id="r{i}"/>' for i in numbers)
    targets = {i: f'Type="{OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"' for i in numbers}
    links = "".join(f'<Relationship Id="r{i}" {target}/>' for i, target in targets.items())
    contents: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PARTS}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        f'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PARTS}">{links}</Relationships>',
        **{f"xl/worksheets/sheet{i}.xml": s for i, s in zip(numbers, sheets, strict=True)},
        **(extra or {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()
