import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type Diagnostic, formatDiagnostic, isError } from '../../src/model/diagnostic.ts';
import { compileDirectory, type DirectoryReport } from '../../src/registry/directory.ts';
import type { Cli } from '../cli.ts';
import { EXIT, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { count } from '../install-lines.ts';

type Format = 'text' | 'json' | 'github';

export function validateCommand(program: Command, cli: Cli): void {
  const command = program
    .command('validate')
    .summary('check a registry')
    .argument('[dir]', "the registry's folder", '.')
    .addOption(
      new Option('--format <format>', 'text, one JSON value, or annotations for GitHub Actions')
        .choices(['text', 'json', 'github'])
        .default('text'),
    )
    .action(async (dir: string, { format }: { format: Format }) => {
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      const report = await compileDirectory(findFolder(resolve(cli.world.cwd, dir)));
      const lines = formatReport(report, json ? 'json' : format);
      for (const line of lines) cli.world.stdout.write(`${line}\n`);
      if (!report.ok) cli.exitWith(EXIT.failed);
    });
  describe(command, {
    description: `
      Compiles the folder as the server would compile its commit: schemas, names, references
      and limits. Looks for secrets, too. Every fault is reported at once, as path:line:column message. Warnings do
      not fail. Needs neither server nor network.`,
    examples: [
      ['waymark validate', 'the folder you are in'],
      ['waymark validate registry --format github', 'in a GitHub workflow'],
    ],
  });
}

function findFolder(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new UsageError(`${path} is no folder`);
}

function formatReport(report: DirectoryReport, format: Format): string[] {
  switch (format) {
    case 'json':
      return [JSON.stringify(report, null, 2)];
    case 'github':
      return report.diagnostics.map(formatAnnotation);
    case 'text':
      return [...report.diagnostics.map(formatLine), summaryOf(report)];
  }
}

const formatLine = (diagnostic: Diagnostic): string =>
  `${isError(diagnostic) ? 'error' : 'warning'}: ${formatDiagnostic(diagnostic)}`;

function summaryOf({ ok, diagnostics, plugins, objects }: DirectoryReport): string {
  const errors = diagnostics.filter(isError).length;
  const warnings = count(diagnostics.length - errors, 'warning');
  if (!ok) return `${count(errors, 'error')}, ${warnings}`;
  return `valid: ${count(plugins, 'plugin')}, ${count(objects, 'object')}, ${warnings}`;
}

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
function formatAnnotation(diagnostic: Diagnostic): string {
  const { severity, path, line, column, code, message, hint } = diagnostic;
  const text = escapeData(hint ? `${message} (${hint})` : message);
  const at = `file=${escapeProperty(path)},line=${line},col=${column},title=${escapeProperty(code)}`;
  return `::${severity} ${at}::${text}`;
}

const escapeData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const escapeProperty = (text: string): string =>
  escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
