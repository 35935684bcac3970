// A hostile release that runs, through the driver command.
import { describeAttacks } from './run-attacks.ts';

describeAttacks('command', import.meta.filename);
