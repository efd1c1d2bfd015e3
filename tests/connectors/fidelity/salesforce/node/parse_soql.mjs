// Parses the queries that come as a JSON array on the standard input with a grammar that is not ours.
// Prints for each what it consists of, or why it is none.
import { readFileSync } from "node:fs";
import { parseQuery } from "@jetstreamapp/soql-parser-js";

const parse = (soql) => {
  try {
    return { tree: parseQuery(soql) };
  } catch (error) {
    return { error: error.message };
  }
};
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(parse)));
