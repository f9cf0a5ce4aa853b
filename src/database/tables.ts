// biome-ignore lint/suspicious/noEmptyInterface: filled by the next change
export interface Tables {}
