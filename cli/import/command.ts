import type { Command } from 'commander';

export function importCommand(_program: Command): void {}

export function exportCommand(_program: Command): void {}
