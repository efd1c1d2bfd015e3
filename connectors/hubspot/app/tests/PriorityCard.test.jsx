import React from "react";
import { Alert, DescriptionListItem, LoadingSpinner, StatusTag, Tag, Text } from "@hubspot/ui-extensions";
import { createRenderer } from "@hubspot/ui-extensions/testing";
import { describe, expect, test } from "vitest";

import { PriorityCard } from "../src/app/cards/PriorityCard.jsx";
import { OPTIONAL_PROPERTIES, PROPERTIES } from "../src/app/cards/priority.js";
import { EMPTY, RANKED } from "./records.js";

const reply = (properties, rest = {}) => ({
  properties,
  error: null,
  isLoading: false,
  isRefetching: false,
  refetch: async () => {},
  ...rest,
});

function show(properties, { location = "crm.record.tab", main = {}, optional = {} } = {}) {
  const renderer = createRenderer(location);
  renderer.mocks.useCrmProperties.willCall((names) => {
    const held = Object.fromEntries(names.map((name) => [name, properties[name] ?? null]));
    return names.includes("callfirst_priority") ? reply(held, main) : reply(held, optional);
  });
  renderer.render(<PriorityCard />);
  return renderer;
}

const texts = (renderer, component) => renderer.findAll(component).map((node) => node.text);
const facts = (renderer) =>
  Object.fromEntries(renderer.findAll(DescriptionListItem).map((node) => [node.props.label, node.find(Text).text]));

describe.each(["crm.record.tab", "crm.record.sidebar"])("the card at %s", (location) => {
  test("shows a ranked record with its quotes", () => {
    const card = show(RANKED, { location });

    expect(card.find(Tag).text).toBe("A: call today");
    expect(card.find(Tag).props.variant).toBe("success");
    expect(texts(card, StatusTag)).toEqual(["Ranked by your team's own history"]);
    expect(facts(card)).toMatchObject({
      "Chance to be won": "94.9 of 100",
      "Rank in stage": "2",
      "Call order, all stages": "20",
    });
    expect(facts(card)["As of"]).toMatch(/^2026-11-23 02:00 UTC/);
    expect(texts(card, Text)).toEqual(
      expect.arrayContaining(["For", "“proof of concept w/ IT completed”", "call, 2026-09-27", "Against"]),
    );
    expect(card.maybeFind(Alert)).toBeNull();
  });

  test("says that there is nothing to read yet, and shows no place", () => {
    const card = show({ ...RANKED, callfirst_priority: "C", callfirst_status: "insufficient" }, { location });

    expect(texts(card, StatusTag)).toEqual(["Nothing to read yet"]);
    expect(card.maybeFind(Tag)).toBeNull();
    expect(Object.keys(facts(card))).toEqual(["As of"]);
    expect(texts(card, Text)[0]).toMatch(/^No note, mail, call/);
  });

  test("says that a record without values was not ranked yet", () => {
    const card = show(EMPTY, { location });

    expect(card.find(Alert).props.title).toBe("Not ranked yet");
    expect(card.maybeFind(DescriptionListItem)).toBeNull();
  });
});

describe("the card", () => {
  test("shows a reason of 255 characters whole", () => {
    const reason = `For: "${"budget approved, ".repeat(20)}`.slice(0, 255);
    const card = show({ ...RANKED, callfirst_reason: reason });

    const node = card.findAll(Text).find((each) => each.text === reason);
    expect(node).toBeDefined();
    expect(node.props.truncate).toBeUndefined();
  });

  test("shows markup in a reason as text", () => {
    const reason = 'For: "<a href=x>call me</a> [link](y)" (customer email, 2026-10-24)';
    const card = show({ ...RANKED, callfirst_reason: reason });

    expect(texts(card, Text)).toContain("“<a href=x>call me</a> [link](y)”");
  });

  test("leaves out values of another type and shows the rest", () => {
    const card = show({
      ...RANKED,
      callfirst_priority: { value: "A" },
      callfirst_score: "high",
      callfirst_rank: "1.5",
      callfirst_ranked_at: "soon",
      callfirst_status: "??",
    });

    expect(card.maybeFind(Tag)).toBeNull();
    expect(card.maybeFind(StatusTag)).toBeNull();
    expect(facts(card)).toEqual({ "Call order, all stages": "20" });
  });

  test("shows trend and why_before_next where the portal has them", () => {
    const card = show({ ...RANKED, callfirst_trend: "down", callfirst_why_before_next: "B has no budget." });

    expect(texts(card, StatusTag)).toContain("↓ moved down");
    expect(texts(card, Text)).toContain("B has no budget.");
  });

  test("shows the rest where the optional properties cannot be read", () => {
    const card = show(RANKED, { optional: { properties: {}, error: new Error("unknown property") } });

    expect(card.find(Tag).text).toBe("A: call today");
    expect(card.maybeFind(Alert)).toBeNull();
  });

  test("waits while the properties load", () => {
    const card = show(EMPTY, { main: { properties: {}, isLoading: true } });

    expect(card.find(LoadingSpinner).props.label).toBe("Reading the Callfirst fields");
    expect(card.maybeFind(Alert)).toBeNull();
  });

  test("says so when the properties cannot be read, without the error's own words", () => {
    const card = show(EMPTY, { main: { properties: {}, error: new Error("jane@acme.example") } });

    expect(card.find(Alert).props.title).toBe("The Callfirst fields could not be read");
    expect(card.getRootNode().toString()).not.toContain("jane");
  });

  test("asks for raw values of the listed properties and for nothing else", () => {
    const card = show(RANKED);

    expect(card.mocks.useCrmProperties.calls).toEqual([[PROPERTIES], [OPTIONAL_PROPERTIES]]);
    expect(card.mocks.runServerlessFunction.called).toBe(false);
  });
});
