// A hostile release that runs, through the driver systemd.
import { describeAttacks } from './run-attacks.ts';

describeAttacks('systemd', import.meta.filename);
