import type { CommitStatus, NewPullRequest } from '../../../mirror/provider/port.ts';
import { invalidField } from '../../../model/errors.ts';
import { isOid } from '../../../model/names.ts';
import { maybeTextIn, numberIn, type Params, textIn } from '../../callbacks/params.ts';

const STATES = ['pending', 'success', 'failure'] as const;

/** Of `commitStatus.set`. @throws {WaymarkError} `VAL_FAILED`, as all of these */
export function statusIn(params: Params): CommitStatus {
  const commit = textIn(params, 'commit', 64);
  if (!isOid(commit)) throw invalidField('commit', 'must be the name of a commit, 40 hex digits');
  const state = STATES.find((one) => one === params['state']);
  if (!state) throw invalidField('state', `must be one of ${STATES.join(', ')}`, 'enum');
  return {
    commit,
    state,
    context: wordIn(params, 'context'),
    description: maybeTextIn(params, 'description', 1000) ?? '',
    targetUrl: urlIn(params, 'targetUrl'),
  };
}

/** Of `pullRequest.open`. */
export const newPullRequestIn = (params: Params): NewPullRequest => ({
  branch: wordIn(params, 'source'),
  base: wordIn(params, 'target'),
  title: wordIn(params, 'title'),
  body: maybeTextIn(params, 'description', 65_536) ?? '',
  isDraft: params['isDraft'] === true,
});

/** Of `pullRequest.get`. */
export function pullRequestNumberIn(params: Params): number {
  const number = numberIn(params, 'number', 1, Number.MAX_SAFE_INTEGER);
  if (Number.isInteger(number)) return number;
  throw invalidField('number', 'must be a whole number', 'type');
}

function wordIn(params: Params, field: string): string {
  const text = textIn(params, field, 250);
  if (text.trim() !== '') return text;
  throw invalidField(field, 'must not be blank', 'minLength');
}

function urlIn(params: Params, field: string): string | null {
  const text = maybeTextIn(params, field, 250);
  if (text === undefined) return null;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw invalidField(field, 'must be a URL of http or https', 'format');
}
