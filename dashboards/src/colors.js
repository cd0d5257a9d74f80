// SPDX-License-Identifier: Apache-2.0
//
// Okabe and Ito's palette, which people with any kind of colour vision tell
// apart (https://jfly.uni-koeln.de/color/), for what means the same everywhere.
// No state is shown by colour alone.

const BLUE = "#0072B2";
const SKY = "#56B4E9";
const GREEN = "#009E73";
const YELLOW = "#F0E442";
const ORANGE = "#E69F00";
const VERMILION = "#D55E00";
const PURPLE = "#CC79A7";
const GREY = "#999999";

export const GOOD = BLUE;
export const WARN = ORANGE;
export const BAD = VERMILION;
export const PLAIN = "text";
// Thresholds of a count of what should be none.
export const NONE_BAD = [{ value: null, color: GOOD }, { value: 1, color: BAD }];
export const NONE_WARN = [{ value: null, color: GOOD }, { value: 1, color: WARN }];

export const STATES = { still: BLUE, mutated: VERMILION, unknown: GREY };
export const ORIGINS = {
  workload: SKY,
  exec: VERMILION,
  host: ORANGE,
  container: PURPLE,
  runtime: GREEN,
  unattributed: GREY,
};
export const VERDICTS = {
  violation: VERMILION,
  allowed: BLUE,
  scratch: SKY,
  runtime: GREEN,
  restored: YELLOW,
};
