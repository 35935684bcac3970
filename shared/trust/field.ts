// Readers of single metadata fields: the value with its type, or trust/malformed naming role and field.
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts';
import { FairleadError } from '../errors/error.ts';

type Field = JsonValue | undefined;

export function readObject(value: Field, role: string, field: string): JsonObject {
  if (!isJsonObject(value)) throw malformed(role, field, 'an object');
  return value;
}

export function readArray(value: Field, role: string, field: string): readonly JsonValue[] {
  if (!Array.isArray(value)) throw malformed(role, field, 'an array');
  return value as readonly JsonValue[];
}

export function readText(value: Field, role: string, field: string): string {
  if (typeof value !== 'string') throw malformed(role, field, 'text');
  return value;
}

export function readBoolean(value: Field, role: string, field: string): boolean {
  if (typeof value !== 'boolean') throw malformed(role, field, 'true or false');
  return value;
}

/** A whole number, at least `min`. */
export function readCount(value: Field, role: string, field: string, min: number): number {
  if (typeof value !== 'number' || value < min) throw malformed(role, field, `a number from ${min}`);
  return value;
}

export function readInstant(value: Field, role: string, field: string): EpochMs {
  const ms = typeof value === 'string' ? instantMs(value) : Number.NaN;
  if (Number.isNaN(ms)) throw malformed(role, field, 'an instant such as 2026-01-31T10:00:00Z');
  return ms;
}

export function malformed(role: string, field: string, expected: string): FairleadError {
  return new FairleadError('trust/malformed', { role, problem: `"${field}" is not ${expected}` });
}
