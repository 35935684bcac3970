// The agent's log: fields first, then one fixed sentence. Never a secret, never network text that was not sanitised.

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
