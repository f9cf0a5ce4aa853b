import type { Command, Help } from 'commander';

/** What a manual page has beyond what commander knows. */
export interface Manual {
  /** Paragraphs; the first sentence of the command's summary is not repeated. */
  description: string;
  examples: readonly (readonly [command: string, what: string])[];
  /** Beyond 0, 1 and 2. */
  exitCodes?: readonly (readonly [code: number, when: string])[];
  files?: readonly (readonly [path: string, what: string])[];
  /** It asks no server that is named to it. */
  isLocal?: boolean;
}

const manuals = new WeakMap<Command, Manual>();

/** Gives a command its manual page. */
export function describe(command: Command, manual: Manual): Command {
  manuals.set(command, manual);
  return command;
}

const ENVIRONMENT = [
  ['WAYMARK_URL', 'the server, instead of --url'],
  ['WAYMARK_ORG', 'the organisation, instead of --org'],
  ['WAYMARK_TOKEN', 'the API key, instead of --token: it does not show in process lists'],
  ['XDG_CONFIG_HOME', 'where `waymark login` keeps its file; default ~/.config'],
  ['NO_COLOR', 'no colours, where a command has some'],
] as const;
const LOCAL_ENVIRONMENT = ENVIRONMENT.filter(([name]) => name === 'NO_COLOR');
const LOCAL_OPTIONS: ReadonlySet<string> = new Set(['version', 'json']);

export const CONFLICTS_LEFT = [3, 'conflicts are left for you to look at'] as const;
export const NOT_VERIFIED = [
  4,
  'verification failed: what the server sent cannot be trusted. Nothing was written',
] as const;

const INDENT = '    ';

/** A page in the order of a manual: name, synopsis, description, options, and so on. */
export function formatManual(command: Command, helper: Help): string {
  const manual = manuals.get(command);
  const width = Math.min(helper.helpWidth ?? 80, 100);
  const sections: [title: string, lines: string[]][] = [
    ['NAME', [`${pathOf(command)} - ${command.summary() || command.description()}`]],
    ['SYNOPSIS', [helper.commandUsage(command)]],
    ['DESCRIPTION', paragraphs(manual?.description ?? '', helper, width)],
    ['ARGUMENTS', terms(argumentsOf(command, helper), helper, width)],
    ['COMMANDS', terms(subcommandsOf(command, helper), helper, width)],
    ['OPTIONS', terms(optionsOf(command, helper), helper, width)],
    ['GLOBAL OPTIONS', terms(globalOptionsOf(command, helper), helper, width)],
    ['EXAMPLES', examplesOf(manual)],
    ['EXIT STATUS', terms(exitCodesOf(manual), helper, width)],
    ['FILES', terms(manual?.files ?? [], helper, width)],
    ['ENVIRONMENT', terms(manual?.isLocal ? LOCAL_ENVIRONMENT : ENVIRONMENT, helper, width)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}\n${lines.map(indent).join('\n')}\n`)
    .join('\n');
}

const indent = (line: string): string => (line === '' ? '' : INDENT + line);

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

type Term = readonly [term: string, what: string];

const argumentsOf = (command: Command, helper: Help): Term[] =>
  helper
    .visibleArguments(command)
    .map((argument) => [helper.argumentTerm(argument), helper.argumentDescription(argument)]);

const subcommandsOf = (command: Command, helper: Help): Term[] =>
  helper
    .visibleCommands(command)
    .map((child) => [helper.subcommandTerm(child), helper.subcommandDescription(child)]);

const optionsOf = (command: Command, helper: Help): Term[] =>
  helper
    .visibleOptions(command)
    .map((option) => [helper.optionTerm(option), helper.optionDescription(option)]);

const globalOptionsOf = (command: Command, helper: Help): Term[] =>
  helper
    .visibleGlobalOptions(command)
    .filter((option) => !manuals.get(command)?.isLocal || LOCAL_OPTIONS.has(option.attributeName()))
    .map((option) => [helper.optionTerm(option), helper.optionDescription(option)]);

function paragraphs(text: string, helper: Help, width: number): string[] {
  const wrapped = text
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) =>
      helper.boxWrap(paragraph.replace(/\s+/g, ' ').trim(), width - INDENT.length),
    );
  return text.trim() === '' ? [] : wrapped.join('\n\n').split('\n');
}

/** A hanging list: long terms stand on a line of their own. */
function terms(
  list: readonly (readonly [string | number, string])[],
  helper: Help,
  width: number,
): string[] {
  const column = Math.min(24, Math.max(0, ...list.map(([term]) => String(term).length)) + 2);
  return list.flatMap(([term, what]) => {
    const [first = '', ...rest] = helper.boxWrap(what, width - INDENT.length - column).split('\n');
    const name = String(term);
    const fits = name.length + 2 <= column;
    const head = fits ? [name.padEnd(column) + first] : [name, ' '.repeat(column) + first];
    return [...head, ...rest.map((line) => ' '.repeat(column) + line)].map((line) =>
      line.trimEnd(),
    );
  });
}

function examplesOf(manual: Manual | undefined): string[] {
  return (manual?.examples ?? []).flatMap(([command, what], i) => [
    ...(i > 0 ? [''] : []),
    `# ${what}`,
    command,
  ]);
}

function exitCodesOf(manual: Manual | undefined): readonly (readonly [number, string])[] {
  return [[0, 'done'], [1, 'failed'], [2, 'wrong usage'], ...(manual?.exitCodes ?? [])];
}
