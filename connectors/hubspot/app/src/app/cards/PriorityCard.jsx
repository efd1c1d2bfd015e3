import React, { useState } from "react";
import {
  Alert,
  DescriptionList,
  DescriptionListItem,
  Flex,
  LoadingSpinner,
  StatusTag,
  Tag,
  Text,
} from "@hubspot/ui-extensions";
import { useCrmProperties } from "@hubspot/ui-extensions/crm";

import { describePriority, OPTIONAL_PROPERTIES, PROPERTIES } from "./priority.js";

/** The record's priority, read from its own properties; HubSpot reads them again when they change. */
export function PriorityCard() {
  const { properties, isLoading, error } = useCrmProperties(PROPERTIES);
  const { properties: optional } = useCrmProperties(OPTIONAL_PROPERTIES);
  const [now] = useState(Date.now);
  if (isLoading) {
    return <LoadingSpinner label="Reading the Callfirst fields" showLabel />;
  }
  if (error) {
    return (
      <Alert title="The Callfirst fields could not be read" variant="warning">
        An admin can see with “callfirst setup --check” whether this kind of record has them.
      </Alert>
    );
  }
  return <Priority shown={describePriority({ ...optional, ...properties }, now)} />;
}

function Priority({ shown }) {
  if (shown.state === "never") {
    return (
      <Alert title="Not ranked yet" variant="info">
        Callfirst has written nothing on this record. It ranks open leads, at its next run.
      </Alert>
    );
  }
  return (
    <Flex direction="column" gap="small">
      <Flex direction="row" gap="small" align="center" wrap="wrap">
        {shown.band && <Tag variant={shown.band.variant}>{shown.band.text}</Tag>}
        {shown.trend && <StatusTag variant={shown.trend.variant}>{shown.trend.text}</StatusTag>}
        {shown.status && (
          <StatusTag variant={shown.status.variant} hollow={shown.state === "insufficient"}>
            {shown.status.text}
          </StatusTag>
        )}
      </Flex>
      {shown.state === "insufficient" && (
        <Text>No note, mail, call, meeting, task or message was there to read, so no place is shown.</Text>
      )}
      {shown.reason && <Reason reason={shown.reason} />}
      {shown.whyBeforeNext && (
        <Flex direction="column" gap="flush">
          <Text format={{ fontWeight: "demibold" }}>Why before the next</Text>
          <Text>{shown.whyBeforeNext}</Text>
        </Flex>
      )}
      {shown.facts.length > 0 && (
        <DescriptionList direction="row">
          {shown.facts.map(({ label, text }) => (
            <DescriptionListItem key={label} label={label}>
              <Text>{text}</Text>
            </DescriptionListItem>
          ))}
        </DescriptionList>
      )}
    </Flex>
  );
}

// Plain text only: what a customer wrote must not become a link, a picture or markup.
function Reason({ reason }) {
  if (reason.text !== null) {
    return <Text>{reason.text}</Text>;
  }
  return reason.quotes.map(({ side, text, source }) => (
    <Flex key={side} direction="column" gap="flush">
      <Text format={{ fontWeight: "demibold" }}>{side}</Text>
      <Text format={{ italic: true }}>{`“${text}”`}</Text>
      <Text variant="microcopy">{source}</Text>
    </Flex>
  ));
}
