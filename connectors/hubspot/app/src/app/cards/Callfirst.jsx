import React from "react";
import { hubspot } from "@hubspot/ui-extensions";

import { PriorityCard } from "./PriorityCard.jsx";

hubspot.extend(() => <PriorityCard />);
