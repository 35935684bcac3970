// The part of `ws` that frames a message without sending it, which its types leave out.
import 'ws';

declare module 'ws' {
  export const Sender: {
    frame(
      data: Buffer,
      options: {
        readonly fin: boolean;
        readonly opcode: number;
        readonly mask: boolean;
        readonly rsv1: boolean;
        readonly readOnly: boolean;
      },
    ): readonly Buffer[];
  };
}
