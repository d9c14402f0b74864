// SPDX-License-Identifier: Apache-2.0
// Node's own child_process: spawn, exec, and messages by fork, measured as bench_start and bench_message do.
//
//     node node.js ROUNDS MESSAGES PROGRAM
"use strict";
const child_process = require("child_process");
const fs = require("fs");

const WARM_UP = 3;
const SIZES = [["64 B", 64], ["4 KiB", 4096], ["64 KiB", 65536]];
const SMALL = 64;

const now = () => Number(process.hrtime.bigint()) / 1e3;

function tell(what, unit, rows) {
    console.log(`\n${what}, ${unit}`);
    for (const [name, values] of rows) {
        const sorted = values.slice().sort((a, b) => a - b);
        const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))].toFixed(1);
        console.log(`${name.padEnd(28)} ${at(0).padStart(10)} ${at(0.5).padStart(10)} ${at(0.9).padStart(10)}`);
        if (process.env.CRIB_BENCH_DATA) {
            const list = values.map((value) => value.toFixed(2)).join(" ");
            fs.appendFileSync(process.env.CRIB_BENCH_DATA, `${what}\t${name}\t${unit}\t${list}\n`);
        }
    }
}

function timed(start) {
    return new Promise((resolve, reject) => {
        const begun = now();
        start((failed) => (failed ? reject(new Error("a child failed")) : resolve(now() - begun)));
    });
}

const spawn = (program) =>
    timed((done) => child_process.spawn(program, [], { stdio: "ignore" }).on("exit", done).on("error", done));
const exec = () => timed((done) => child_process.exec(":", done));

async function starts(rounds, program) {
    const rows = [["Node, spawn", []], ["Node, exec of a shell", []]];
    for (let round = -WARM_UP; round < rounds; round++) {
        const times = [await spawn(program), await exec()];
        for (let i = 0; round >= 0 && i < 2; i++) rows[i][1].push(times[i]);
    }
    tell("From the request to the known end of a program", "microseconds", rows);
}

// The other end: sends back what it gets; after a number it sends so many of the small ones.
function echo() {
    process.on("message", (message) => {
        if (typeof message !== "number") return process.send(message);
        const text = "x".repeat(SMALL);
        const more = (left) => left && process.send(text, () => more(left - 1));
        // 32 under way: the channel is never empty, and no queue grows
        for (let i = 0; i < 32; i++) more(message / 32);
    });
}

async function messages(count) {
    const child = child_process.fork(__filename, ["echo"], { stdio: "ignore" });
    const once = () => new Promise((resolve) => child.once("message", resolve));
    for (const [name, size] of SIZES) {
        const text = "x".repeat(size), times = [];
        for (let i = -10; i < count; i++) {
            const begun = now(), answer = once();
            child.send(text);
            if ((await answer).length !== size) throw new Error("a message came back changed");
            if (i >= 0) times.push(now() - begun);
        }
        tell("A message and its echo", "microseconds", [[`${name}, Node`, times]]);
    }
    const all = 32 * count, speeds = [];
    for (let i = 0; i < 3; i++) {
        let left = all, begun = 0;
        await new Promise((resolve) => {
            child.on("message", () => {
                begun = begun || now();
                if (--left === 0) resolve();
            });
            child.send(all);
        });
        speeds.push(((all - 1) / (now() - begun)) * 1e3);
        child.removeAllListeners("message");
    }
    tell("Messages of 64 B, one way", "thousands a second", [["to the parent, Node", speeds]]);
    child.disconnect();
}

async function main() {
    if (process.argv[2] === "echo") return echo();
    await starts(Number(process.argv[2]), process.argv[4]);
    if (Number(process.argv[3]) > 0) await messages(Number(process.argv[3]));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
