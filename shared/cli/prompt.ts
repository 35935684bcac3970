// Questions to a person at a terminal; what asks is loaded when somebody is asked.

/** Leaving the question by Ctrl-C is a no. */
export async function confirm(message: string): Promise<boolean> {
  const prompts = await import('@clack/prompts');
  return (await prompts.confirm({ message, initialValue: false, output: process.stderr })) === true;
}

/** Nothing of the answer is shown; empty when the question was left by Ctrl-C. */
export async function askSecret(message: string): Promise<string> {
  const prompts = await import('@clack/prompts');
  const typed = await prompts.password({ message, output: process.stderr });
  return prompts.isCancel(typed) ? '' : typed;
}
