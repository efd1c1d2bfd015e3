"""Notes over the API: two commits, versions, contents, and who may see them."""

import base64

import pytest

from connectors.sandbox.salesforce.notes import add_file, add_note, edit_note, link_file, unlink_file
from connectors.sandbox.salesforce.org import USER_ID
from tests.connectors.sandbox.salesforce.running import DATA, Running, error_of

_NOTE = "SELECT Id, Title, TextPreview, ContentSize, IsLatest FROM ContentVersion WHERE FileType = 'SNOTE'"


def write_note(running: Running, text: str = "<p>Call <b>Ada</b></p>") -> str:
    body = {"Title": "Ada", "Content": base64.b64encode(text.encode()).decode()}
    return str(running.post("sobjects/ContentNote", body).json()["id"])


def links(running: Running, lead: str) -> list[str]:
    soql = f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{lead}'"
    return [row["ContentDocumentId"] for row in running.rows(soql)]


def test_a_note_is_there_before_it_is_linked(running: Running) -> None:
    lead = running.add_lead()
    note = write_note(running)
    before = links(running, lead)
    link = {"ContentDocumentId": note, "LinkedEntityId": lead, "ShareType": "V"}
    reply = running.post("sobjects/ContentDocumentLink", link)

    assert (before, reply.status_code, links(running, lead)) == ([], 201, [note])


def test_a_notes_version_has_its_text_as_a_preview_and_its_markup_as_content(running: Running) -> None:
    write_note(running, f"<p>{'word ' * 100}</p>")

    (row,) = running.rows(_NOTE)
    body = running.get(f"sobjects/ContentVersion/{row['Id']}/VersionData")

    assert (len(row["TextPreview"]), row["ContentSize"]) == (255, 507)
    assert body.text == f"<p>{'word ' * 100}</p>"
    assert body.headers["Content-Type"] == "application/octet-stream"


def test_the_content_of_a_note_is_a_path_and_behind_it_the_markup(running: Running) -> None:
    note = write_note(running)
    path = running.rows("SELECT Id, Content FROM ContentNote")[0]["Content"]

    assert path == f"{DATA}/sobjects/ContentNote/{note}/Content"
    assert running.client.get(path).text == "<p>Call <b>Ada</b></p>"


def test_an_edited_note_has_a_new_latest_version(running: Running) -> None:
    note = write_note(running)
    new = {"Content": base64.b64encode(b"<p>Never mind</p>").decode()}
    reply = running.patch(f"sobjects/ContentNote/{note}", new)

    versions = {row["TextPreview"]: row["IsLatest"] for row in running.rows(_NOTE)}

    assert (reply.status_code, versions) == (204, {"Call Ada": False, "Never mind": True})


def test_content_that_is_not_base64_is_refused(running: Running) -> None:
    reply = running.post("sobjects/ContentNote", {"Title": "x", "Content": "no base64!"})

    assert error_of(reply) == (400, "JSON_PARSER_ERROR")


def test_a_file_is_no_note(running: Running) -> None:
    values = {"Title": "Offer", "PathOnClient": "offer.pdf", "VersionData": base64.b64encode(b"%PDF").decode()}
    running.post("sobjects/ContentVersion", values)

    assert (running.rows(_NOTE), running.rows("SELECT FileType FROM ContentVersion")) == ([], [{"FileType": "PDF"}])


def test_a_deleted_note_is_gone_with_its_versions_and_links(running: Running) -> None:
    lead, note = running.add_lead(), write_note(running)
    link_file(running.org, note, lead)
    running.delete(f"sobjects/ContentDocument/{note}")

    assert (running.rows(_NOTE), links(running, lead)) == ([], [])
    assert running.rows("SELECT Id FROM ContentNote") == []


def test_an_unlinked_note_stays(running: Running) -> None:
    lead, note = running.add_lead(), write_note(running)
    link_file(running.org, note, lead)
    unlink_file(running.org, note, lead)

    assert (links(running, lead), len(running.rows(_NOTE))) == ([], 1)


@pytest.mark.parametrize("way", ["setting", "fault"])
def test_without_query_all_files_only_own_and_shared_notes_are_seen(running: Running, way: str) -> None:
    add_note(running.org, "of a rep", b"<p>secret</p>")
    shared = add_note(running.org, "shared", b"<p>shared</p>")
    link_file(running.org, shared["ContentDocumentId"], USER_ID)
    write_note(running)
    everything = len(running.rows(_NOTE))
    if way == "setting":
        running.org.query_all_files = False
    else:
        running.faults.all_files = False

    assert everything == 3
    assert {row["Title"] for row in running.rows(_NOTE)} == {"shared", "Ada"}


def test_whether_all_files_may_be_queried_is_told_by_the_permission_sets(running: Running) -> None:
    soql = (
        f"SELECT COUNT() FROM PermissionSetAssignment WHERE AssigneeId = '{USER_ID}'"
        " AND PermissionSet.PermissionsQueryAllFiles = true"
    )
    granted = running.query(soql).json()["totalSize"]
    running.faults.all_files = False

    assert (granted, running.query(soql).json()["totalSize"]) == (1, 0)


def test_the_content_of_a_note_that_is_not_seen_is_not_found(running: Running) -> None:
    version = add_note(running.org, "of a rep", b"<p>secret</p>")["Id"]
    running.org.query_all_files = False

    assert running.get(f"sobjects/ContentVersion/{version}/VersionData").status_code == 404


def test_links_are_asked_for_by_record_or_document_unless_all_files_may_be_queried(running: Running) -> None:
    write_note(running)
    allowed = running.query("SELECT Id FROM ContentDocumentLink").status_code
    running.org.query_all_files = False

    assert (allowed, error_of(running.query("SELECT Id FROM ContentDocumentLink"))) == (200, (400, "MALFORMED_QUERY"))


def test_where_notes_are_off_there_is_no_such_object(running: Running) -> None:
    running.org.notes_enabled = False

    assert error_of(running.query("SELECT Id FROM ContentNote")) == (400, "INVALID_TYPE")


def test_a_note_of_a_rep_keeps_its_writer_when_it_is_edited(running: Running) -> None:
    version = add_note(running.org, "n", b"<p>1</p>", by=USER_ID)

    newer = edit_note(running.org, version["ContentDocumentId"], b"<p>2</p>")

    assert (newer["OwnerId"], newer["VersionNumber"]) == (USER_ID, "2")


def test_a_text_file_is_known_by_its_name(running: Running) -> None:
    assert add_file(running.org, "n", "n.txt", b"x")["FileType"] == "TEXT"
