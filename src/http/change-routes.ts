import { commitEdit, type EditResult, type ProposeChange } from '../changes/commit-edit.ts';
import type { Edit, Editing } from '../changes/edit.ts';
import { previewEdit } from '../changes/preview.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { Clock } from '../model/clock.ts';
import { commitAnswer, editShape, previewAnswer, proposedAnswer } from './change-shapes.ts';
import { jsonBody } from './json-body.ts';
import { type Answer, type Call, type Route, route } from './route.ts';
import { noSuchOrg } from './tenant.ts';

export interface ChangeRouteDeps {
  runtimes: OrgRuntimes;
  propose: ProposeChange;
  clock: Clock;
}

const editBody = jsonBody<Edit>(editShape);

/** Edits of the registry without a clone of it. */
export function changeRoutes(deps: ChangeRouteDeps): Route[] {
  const editing = ({ org, caller, requestId }: Call<string, Edit>): Editing => {
    const runtime = deps.runtimes.find(org);
    if (!runtime) throw noSuchOrg(org);
    const { actor, makers = [] } = caller;
    return { runtime, clock: deps.clock, actor, makers, requestId };
  };
  return [
    route({
      method: 'post',
      path: '/changes/preview',
      permission: 'changes:write',
      summary: 'Tell what an edit would do, and do nothing.',
      body: editBody,
      answers: { 200: previewAnswer },
      handle: async (call) => ({ status: 200, body: await previewEdit(editing(call), call.body) }),
    }),
    route({
      method: 'post',
      path: '/changes',
      permission: 'changes:write',
      summary: 'Edit the registry, or propose the edit where main is protected.',
      body: editBody,
      answers: { 201: commitAnswer, 202: proposedAnswer },
      async handle(call) {
        const { permissions } = call.caller;
        const committing = { ...editing(call), permissions, propose: deps.propose };
        return answerOf(call.org, await commitEdit(committing, call.body));
      },
    }),
  ];
}

function answerOf(org: string, result: EditResult): Answer {
  if ('commit' in result) {
    // What is made is a commit, and this is what it delivers.
    const Location = `/v1/orgs/${org}/delivery/plugins?commit=${result.commit}`;
    return { status: 201, body: result, headers: { Location } };
  }
  return { status: 202, body: result, headers: { Location: result.change.url } };
}
