// A cable between a client and the server that can be cut, and that can lose what comes back.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Cable {
  sockets = new Set();
  /** What comes from the server is lost. */
  loses = false;

  static async to(base) {
    const cable = new Cable();
    const { hostname, port } = new URL(base);
    cable.server = createServer((near) => {
      const far = connect({ host: hostname, port: Number(port) });
      for (const socket of [near, far]) {
        cable.sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          cable.sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.on("data", (bytes) => far.write(bytes));
      far.on("data", (bytes) => cable.loses || near.write(bytes));
    });
    cable.server.listen(0, "127.0.0.1");
    await once(cable.server, "listening");
    cable.base = `http://127.0.0.1:${cable.server.address().port}`;
    return cable;
  }

  /** Every connection ends at once. */
  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  close() {
    this.cut();
    this.server.close();
  }
}
