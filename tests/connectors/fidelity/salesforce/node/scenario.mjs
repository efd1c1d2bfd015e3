// Runs the scenario of `simple_scenario.py` with jsforce, and prints what it saw as JSON.
// Argument: the org's address. The plan comes as JSON on the standard input.
import { readFileSync } from "node:fs";
import jsforce from "jsforce";

const instanceUrl = process.argv[2];
const plan = JSON.parse(readFileSync(0, "utf8"));
const { clientId, clientSecret } = plan;
const oauth2 = { loginUrl: instanceUrl, clientId, clientSecret };
const conn = new jsforce.Connection({ oauth2, version: plan.version });
const headers = { "Sforce-Auto-Assign": "FALSE" };
const leads = conn.sobject("Lead");

const refused = async (call) => {
  try {
    await call();
  } catch (error) {
    const first = Array.isArray(error.data) ? error.data[0] : error.data;
    return [error.errorCode, error.message, first?.fields ?? []];
  }
  throw new Error("The org took what it must refuse");
};

const logIn = async () => {
  const { organizationId } = await conn.authorize({ grant_type: "client_credentials" });
  return organizationId;
};

async function pages() {
  const seen = [];
  let page = await conn.query(plan.listing);
  for (;;) {
    // jsforce makes an address of the path that it is told.
    const next = page.nextRecordsUrl?.replace(conn.instanceUrl, "").replace(/[^/]*(?=-)/, "*") ?? null;
    seen.push([page.totalSize, page.records.length, page.done, next]);
    if (page.done) return seen;
    page = await conn.queryMore(page.nextRecordsUrl);
  }
}

const all = async (soql) => (await conn.query(soql).execute({ autoFetch: true, maxFetch: 100000 })).records;
const rows = async (soql, options) => (await conn.query(soql, options)).records;

async function write() {
  const made = await leads.create(plan.made, { headers });
  const changes = made.map(({ id }, number) => ({ Id: id, ...plan.change, Title: `T${number}` }));
  const [bad, good] = [{ ...changes[0], ...plan.mistake }, changes[1]];
  const partly = await leads.update([bad, good], { headers });
  const whole = await leads.update([bad, good], { headers, allOrNone: true });
  const updated = await leads.update(changes, { headers });
  const url = `/services/data/v${plan.version}/composite/sobjects`;
  const collection = (records) => refused(() => conn.requestPatch(url, { records }, { headers }));
  const tooMany = await collection([...changes, changes[0]].map(({ Id, Title }) => record(Id, { Title })));
  const none = await collection([]);
  const ids = made.map(({ id }) => id);
  const destroyed = await leads.destroy(ids.slice(0, 3));
  const again = await leads.destroy(ids.slice(0, 2));
  return { made, partly, whole, updated, tooMany, none, destroyed, again };
}

const record = (id, values) => ({ attributes: { type: "Lead" }, id, ...values });

async function writeOne() {
  const made = await leads.create(plan.made[0], { headers });
  await leads.update({ Id: made.id, Title: "CTO" }, { headers });
  const { Title: title } = await leads.retrieve(made.id);
  await leads.destroy(made.id);
  return {
    made,
    title,
    gone: await refused(() => leads.retrieve(made.id)),
    goneUpdate: await refused(() => leads.update({ Id: made.id, Title: "CEO" }, { headers })),
  };
}

async function refusals() {
  const seen = {};
  for (const [name, soql] of Object.entries(plan.refusedQueries)) seen[name] = await refused(() => conn.query(soql));
  const stranger = new jsforce.Connection({ instanceUrl, accessToken: "nobody's", version: plan.version });
  return {
    ...seen,
    session: await refused(() => stranger.query("SELECT Id FROM Lead")),
    locator: await refused(() => conn.queryMore(plan.lostLocator)),
    unknownId: await refused(() => leads.retrieve(plan.unknownId)),
    unknownField: await refused(() => leads.create({ ...plan.made[0], Nonsense: 1 })),
    readOnlyField: await refused(() => leads.create({ ...plan.made[0], IsDeleted: true })),
    missingField: await refused(() => leads.create({ Company: "C" })),
    unknownObject: await refused(() => conn.sobject("Nonsense").describe()),
    method: await refused(() => conn.requestPost("/limits", {})),
    resource: await refused(() => conn.requestGet("/nonsense")),
  };
}

async function changes() {
  const { ids } = await leads.updated(plan.start, plan.end);
  const { deletedRecords } = await leads.deleted(plan.start, plan.end);
  return { updated: ids, deleted: deletedRecords };
}

async function bulk() {
  conn.bulk2.pollInterval = 20;
  const found = await (await conn.bulk2.query(plan.bulkQuery)).toArray();
  const refusedQuery = await refused(() => conn.bulk2.query(plan.refusedBulkQuery));
  const load = async (operation, input) => {
    const done = await conn.bulk2.loadAndWaitForResults({ object: "Lead", operation, input });
    return [done.successfulResults, done.failedResults, done.unprocessedRecords];
  };
  const inserted = await load("insert", plan.bulkRows);
  const ids = inserted[0].map((row) => row.sf__Id);
  const updated = await load("update", [
    ...ids.map((Id) => ({ Id, Title: "Bulk, \"quoted\"" })),
    { Id: plan.unknownId, Title: "Nobody" },
  ]);
  const deleted = await load("delete", ids.map((Id) => ({ Id })));
  return { found, refusedQuery, inserted, updated, deleted };
}

async function deploy(base64, options) {
  const { id } = await conn.metadata.deployRest(Buffer.from(base64, "base64"), options);
  for (;;) {
    const result = await conn.metadata.checkDeployStatus(id, true, true);
    if (result.done) return result;
  }
}

async function setUp() {
  const options = { rollbackOnError: true, singlePackage: true };
  const checked = await deploy(plan.package, { ...options, checkOnly: true });
  const broken = await deploy(plan.brokenPackage, options);
  const deployed = await deploy(plan.package, options);
  const [set] = await rows(plan.permissionSet);
  const hidden = (await leads.describe()).fields.length;
  const assignment = { AssigneeId: plan.user, PermissionSetId: set.Id };
  await conn.sobject("PermissionSetAssignment").create(assignment);
  const again = await refused(() => conn.sobject("PermissionSetAssignment").create(assignment));
  return { checked, broken, deployed, again, hidden, shown: (await leads.describe()).fields.length };
}

const seen = {
  organization: await logIn(),
  pages: await pages(),
  all: await all(plan.listing),
  allowed: conn.limitInfo.apiUsage.limit,
  tree: await rows(plan.tree),
  grouped: await rows(plan.grouped),
  counted: (await conn.query(plan.counted)).totalSize,
  one: await leads.retrieve(plan.ids[0]),
  some: await leads.retrieve(plan.ids),
  global: await conn.describeGlobal(),
  described: await leads.describe(),
  written: await write(),
  writtenOne: await writeOne(),
  withDeleted: await rows(plan.withDeleted, { scanAll: true }),
  changes: await changes(),
  refusals: await refusals(),
  bulk: await bulk(),
  setup: await setUp(),
};
console.log(JSON.stringify(seen));
