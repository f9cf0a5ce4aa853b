/** Edits a file of its own again and again, each time upon what the others have made meanwhile. */
const { URL: url, KEY, ORG = '', EDITOR_NUMBER, COMMITS, BASE } = process.env;

interface Said {
  data?: { commit: string };
  error?: { code: string; details?: { head?: string; isMergeClean?: boolean } };
}

const path = `plugins/sales/skills/account-brief/assets/${EDITOR_NUMBER}.md`;
let base = BASE;
let lines = '';

for (let turn = 0; turn < Number(COMMITS); turn++) {
  lines += `${turn}\n`;
  const operations = [{ op: 'upsert', path, content: lines }];
  for (;;) {
    const answer = await fetch(`${url}/api/v1/changes`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${KEY}`,
        'x-waymark-org': ORG,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ base, message: `${EDITOR_NUMBER} ${turn}`, operations }),
    });
    const { data, error } = (await answer.json()) as Said;
    base = data?.commit ?? error?.details?.head;
    if (data) break;
    // The others' files are not its own: git would always merge them.
    if (error?.code !== 'RES_VERSION_CONFLICT' || error.details?.isMergeClean !== true) {
      throw new Error(`${answer.status} ${JSON.stringify(error)}`);
    }
  }
}
