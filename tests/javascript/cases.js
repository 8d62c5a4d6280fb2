/** The cases that `test_javascript.py` computes with torch; null where node is started by hand. */

import { readFileSync } from "node:fs";
import { env } from "node:process";

export const cases = env.CONVBOARD_CASES ? JSON.parse(readFileSync(env.CONVBOARD_CASES, "utf-8")) : null;
