/** One run of a job. What it writes counts only while `epoch` is still its job's. */
export interface Fence {
  /** The job's. */
  id: string;
  epoch: number;
}
