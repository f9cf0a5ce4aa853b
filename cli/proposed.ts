/** What a write answers where people decide about `main`. */
export interface Proposed {
  change: { number: number; url: string };
}

export const proposedLine = ({ change: { number, url } }: Proposed): string =>
  `opened change request ${number}: ${url}`;
