/** What is to be done upstream after a sync: soon, apart from it, and again until it is done. */
export interface Errands {
  /** Reports at the provider what the gate says of a commit: once, or `isAgain`. */
  validate(org: string, commit: string, isAgain: boolean): Promise<void>;
  followPullRequests(org: string): Promise<void>;
  pushReleases(org: string): Promise<void>;
}
