interface Ticket {
  id: string;
  title: string;
  state: 'open' | 'in progress' | 'done';
  description: string;
}

/** Reads one ticket from the tracker that `TRACKER_URL` names. */
export default async function ticket({ id }: { id: string }): Promise<Ticket> {
  const base = process.env.TRACKER_URL ?? 'https://tracker.acme.example';
  const answer = await fetch(`${base}/api/tickets/${encodeURIComponent(id)}`, {
    signal: AbortSignal.timeout(10_000),
  });
  if (answer.status === 404) throw new Error(`there is no ticket ${id}`);
  if (!answer.ok) throw new Error(`the tracker answered ${answer.status}`);
  return (await answer.json()) as Ticket;
}
