"""The report as JUnit XML, a test case per check and scenario, for CI servers. From the model."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from evidence.reports.model import ReportModel, VerdictRow


def junit(model: ReportModel) -> str:
    """Return the document: FAIL is a failure, NO DATA an error, waived and optional NO DATA are skipped."""
    root = ET.Element("testsuites", name=model.first_line)
    for scenario in model.scenarios:
        rows = [row for row in model.verdicts if row.scenario == scenario]
        if rows:
            _suite(root, scenario, rows)
    for incident in model.incidents:
        suite = ET.SubElement(root, "testsuite", name="incident", tests="1", failures="0", errors="1", skipped="0")
        case = ET.SubElement(suite, "testcase", classname="incident", name="the run came to its end")
        ET.SubElement(case, "error", message=incident, type="INCIDENT")
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, scenario: str, rows: list[VerdictRow]) -> None:
    suite = ET.SubElement(root, "testsuite", name=scenario, tests=str(len(rows)))
    tags = [_case(suite, row) for row in rows]
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(tags.count(tag)))


def _case(suite: ET.Element, row: VerdictRow) -> str | None:
    """Add a verdict's test case; return the tag of its result, None for a pass."""
    case = ET.SubElement(suite, "testcase", classname=row.scenario, name=f"{row.check}: {row.title}")
    if row.status == "PASS":
        return None
    if row.status == "FAIL":
        kind = "FAIL (critical)" if row.critical else "FAIL"
        found = ET.SubElement(case, "failure", message=row.reason, type=kind)
        found.text = "\n".join(row.findings) or None
        return "failure"
    if row.waived:
        ET.SubElement(case, "skipped", message=f"waived: {row.waived}; {row.reason}")
        return "skipped"
    if row.optional:
        ET.SubElement(case, "skipped", message=f"NO DATA, optional: {row.reason}")
        return "skipped"
    ET.SubElement(case, "error", message=row.reason, type="NO DATA")
    return "error"
