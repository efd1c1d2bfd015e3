import { defineConfig } from "vitest/config";

export default defineConfig({
  // `hs project install-deps` puts a second copy beside the cards; the tests' renderer must meet the cards' own React.
  resolve: { dedupe: ["@hubspot/ui-extensions", "react"] },
  test: { include: ["tests/**/*.test.{js,jsx}"] },
});
