// Runs the scenario of `sdk_scenario.py` with HubSpot's client for Node, and prints what it saw as JSON.
// Arguments: the portal's address, and the plan as JSON.
import { Client } from "@hubspot/api-client";

const [basePath, planText] = process.argv.slice(2);
const plan = JSON.parse(planText);
const client = new Client({ accessToken: "sandbox", basePath, numberOfApiCallRetries: 0 });
const { crm } = client;

const plain = (value) => JSON.parse(JSON.stringify(value ?? null));
const ids = (rows) => rows.map((row) => row.id);

/** Returns the status and the body of a call, whether it was answered or refused. */
async function ask(call) {
  try {
    const reply = await call;
    return { status: reply.httpStatusCode, body: plain(reply.data) };
  } catch (error) {
    if (error.code === undefined) throw error;
    return { status: error.code, body: plain(error.body) };
  }
}

function contact(row) {
  const ties = {};
  for (const [name, page] of Object.entries(row.associations ?? {})) {
    ties[name] = page.results.map((tie) => [tie.id, tie.type]);
  }
  const { id, properties, createdAt, updatedAt, archived } = row;
  return { id, properties, createdAt, updatedAt, archived, ties };
}

async function listContacts() {
  const pages = [];
  let after;
  do {
    const { body } = await ask(
      crm.contacts.basicApi.getPageWithHttpInfo(plan.pageSize, after, plan.properties, undefined, plan.others, false),
    );
    pages.push(body.results.map(contact));
    after = body.paging?.next?.after;
  } while (after !== undefined);
  return pages;
}

async function batchRead() {
  const { status, body } = await ask(
    crm.contacts.batchApi.readWithHttpInfo(
      {
        inputs: plan.contacts.map((id) => ({ id })),
        properties: ["email"],
        propertiesWithHistory: ["hs_lead_status"],
      },
      false,
    ),
  );
  const rows = body.results.map((row) => ({
    id: row.id,
    email: row.properties.email,
    history: row.propertiesWithHistory.hs_lead_status.map((item) => [item.value, item.timestamp, item.sourceType]),
  }));
  return { status, state: body.status, rows };
}

async function search() {
  const pages = [];
  let after;
  do {
    const { status, body } = await ask(
      crm.contacts.searchApi.doSearchWithHttpInfo({
        filterGroups: [{ filters: plan.filters }],
        sorts: plan.sorts,
        properties: ["createdate"],
        limit: plan.searchSize,
        after,
      }),
    );
    const rows = body.results.map((row) => [row.id, row.properties.createdate]);
    pages.push({ status, total: body.total, rows });
    after = body.paging?.next?.after;
  } while (after !== undefined);
  return pages;
}

async function readTies() {
  const { status, body } = await ask(
    crm.associations.v4.batchApi.getPageWithHttpInfo("notes", "contacts", {
      inputs: plan.notes.map((id) => ({ id })),
    }),
  );
  const rows = body.results.map((row) => ({
    from: row._from.id,
    to: row.to.map((tie) => [
      String(tie.toObjectId),
      tie.associationTypes.map((kind) => [kind.category, kind.typeId, kind.label]),
    ]),
  }));
  return { status, rows, errors: (body.errors ?? []).map((error) => [error.category, error.message]) };
}

async function listPipelines() {
  const { body } = await ask(crm.pipelines.pipelinesApi.getAllWithHttpInfo("deals"));
  return body.results.map((pipeline) => ({
    id: pipeline.id,
    label: pipeline.label,
    stages: pipeline.stages.map((stage) => [stage.id, stage.label, stage.displayOrder, stage.metadata]),
  }));
}

async function listOwners() {
  const { body } = await ask(crm.owners.ownersApi.getPageWithHttpInfo(undefined, undefined, 100, false));
  return body.results.map((owner) => [owner.id, owner.email, owner.firstName, owner.lastName, owner.userId]);
}

async function define() {
  const create = () => ask(crm.properties.groupsApi.createWithHttpInfo("contacts", plan.group));
  const [group, groupAgain] = [await create(), await create()];
  const batch = async () => {
    const inputs = plan.definitions;
    const { status, body } = await ask(crm.properties.batchApi.createWithHttpInfo("contacts", { inputs }));
    return {
      status,
      made: body.results.map((item) => [item.name, item.type, item.fieldType, item.groupName]),
      errors: (body.errors ?? []).map((error) => [error.category, error.context]),
    };
  };
  return {
    group: [group.status, group.body.name, group.body.label],
    groupAgain: [groupAgain.status, groupAgain.body.category],
    properties: await batch(),
    propertiesAgain: await batch(),
  };
}

async function update(inputs) {
  const { status, body } = await ask(crm.contacts.batchApi.updateWithHttpInfo({ inputs }));
  if (status >= 400) return { status, category: body.category, message: body.message, context: body.context };
  return {
    status,
    rows: body.results.map((row) => [row.id, row.properties]),
    count: body.numErrors ?? 0,
    errors: (body.errors ?? []).map((error) => [error.category, error.context]),
  };
}

async function writeNote() {
  const made = await ask(crm.objects.notes.basicApi.createWithHttpInfo(plan.note));
  const { body } = await ask(
    crm.objects.notes.basicApi.getByIdWithHttpInfo(made.body.id, ["hs_note_body"], undefined, ["contacts"], false),
  );
  return {
    status: made.status,
    id: body.id,
    text: body.properties.hs_note_body,
    contacts: ids(body.associations.contacts.results),
  };
}

async function archive() {
  const id = plan.archived;
  const gone = await ask(crm.contacts.basicApi.archiveWithHttpInfo(id));
  const again = await ask(crm.contacts.basicApi.getByIdWithHttpInfo(id));
  const page = await ask(
    crm.contacts.basicApi.getPageWithHttpInfo(100, undefined, ["email"], undefined, undefined, true),
  );
  const rows = page.body.results.map((row) => [row.id, row.properties.email, row.archived, row.archivedAt]);
  return { status: gone.status, again: [again.status, again.body.category], rows };
}

async function unknownType() {
  const { status, body } = await ask(crm.objects.basicApi.getPageWithHttpInfo("butterflies"));
  return { status, message: body.message };
}

console.log(
  JSON.stringify({
    contacts: await listContacts(),
    batchRead: await batchRead(),
    search: await search(),
    ties: await readTies(),
    pipelines: await listPipelines(),
    owners: await listOwners(),
    definitions: await define(),
    updated: await update(plan.updates),
    partlyUpdated: await update([...plan.updates.slice(0, 1), plan.unknown]),
    twice: await update([plan.updates[0], plan.updates[0]]),
    note: await writeNote(),
    archived: await archive(),
    unknownType: await unknownType(),
  }),
);
