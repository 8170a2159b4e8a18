namespace Sluice.Exploration;

/// <summary>A mistake that one of the protocol's rules is there to prevent, and where it shows.</summary>
/// <param name="Name">What is done wrong.</param>
/// <param name="Rules">The rules with the mistake.</param>
/// <param name="Scenario">The one of <see cref="Scenarios.Small"/> that finds it, and holds without it.</param>
internal sealed record Bug(string Name, Func<Rules> Rules, string Scenario)
{
    public static IReadOnlyList<Bug> All { get; } =
    [
        Simulated("no dedupe", "force"),
        Simulated("dereference before the last flush", "a crash and a lost reply"),
        Simulated("a bare counter instead of owned sets", "force"),
        Simulated("no tombstone", "false reap and late copies"),
        Simulated("blind resend after FENCED", "a crash and a lost reply"),
        Simulated("reap without fence", "false reap and late copies"),
        Simulated("delete after the callback instead of seal", "a crash and a lost reply"),
        Simulated("generation kept with the resource", "force"),
        Simulated("acknowledge by token alone", "a crash and a late copy"),
        Simulated("acknowledge without looking at the ticket", "a crash and a late copy"),
        Simulated("join that does not cancel due", "linger and hard deadline"),
        Simulated("reap by an engine's clock", "false reap and late copies"),
        new("a resource twice in a batch, and the second reads what the first has not written", static () => new RepeatedInBatch(), "force"),
        new("a drop that comes with updates touches no membership", static () => new ColdDrop(), "force"),
        Simulated("deliver without waiting for the durability window", "the server loses half of the window"),
        new("replay what is older than the window", static () => new ReplaysEverything(), "the server loses everything"),
        new("tokens begin again with each generation", static () => new TokensOfTheGeneration(), "a crash and a lost reply"),
        new("the server ignores what engines have seen", static () => new IgnoresSeen(), "the server loses writes, and its clock is behind"),
        new("deadlines of a clock that was set back stay", static () => new KeepsDeadlines(), "the clock is set back"),
        new("nobody looks after a partition without members", static () => new MembersOnly(), "a crash and a lost reply"),
        new("leave writes no tombstone", static () => new LeavesNoTombstone(), "leave"),
        new("a stranger is not asked for its age", static () => new AnyAge(), "tombstones run out"),
        new("a beat brings the fenced back", static () => new BeatRevives(), "false reap and late replies"),
        new("a double is not told by the hash of its batch", static () => new NoHash(), "one identity"),
        new("an item that can't be merged refuses its batch", static () => new PoisonRefuses(), "poison"),
        new("a claim stops at a resource that has to wait", static () => new StarvingClaim(), "two resources, completions fail"),
        new("a replayed session does not say that it is late", static () => new SilentlyOutOfOrder(), "completions fail, later ones go on"),
        new("who has no handler claims too", static () => new ClaimsOfOthers(), "one engine only produces"),
        new("the layout is not compared", static () => new AnyLayout(), "another layout"),
        new("who is held has no hard deadline", static () => new NoHardDeadline(), "linger and hard deadline"),
        new("send again what the broker has redelivered", static () => new ResendsRedelivered(), "the broker redelivers"),
        new("without memory a reap stops in the middle", static () => new HalfReap(), "no memory"),
        new("an opaque state that another engine has overtaken is left out of its batch", static () => new OptimisticStates(), "opaque deltas are compacted"),
        new("a compaction takes away deltas that have come meanwhile", static () => new CompactsAway(), "opaque deltas are compacted"),
        new("a compaction that comes twice is there twice", static () => new CompactsTwice(), "opaque deltas, false reap and late copies"),
        new("a compaction replaces whatever is there", static () => new CompactsAnything(), "opaque deltas are compacted"),
        new("a late compaction goes into the next session", static () => new CompactsAnySession(), "opaque deltas are compacted"),
        new("what was merged is delivered, and stored nowhere", static () => new DeliversUnstored(), "opaque deltas, a crash and a lost reply"),
        new("each of two engines delivers its own merge", static () => new DeliversItsOwn(), "opaque deltas, false reap and late copies"),
        new("what was merged is delivered although the server has lost it", static () => new DeliversWhatWasLost(), "opaque deltas, the server loses half of the window"),
        new("an acknowledgement ends what somebody else has taken over", static () => new AcknowledgeByGeneration(), "a crash and a late copy"),
    ];

    /// <summary>Mistakes that lie outside of the transitions and lanes, and the tests that find them.</summary>
    public static IReadOnlyList<(string Name, string Where)> Elsewhere { get; } =
    [
        ("a script whose first write needs memory (beat, claim, fence)", "found by `MemoryShortageTests.A_planted_order_of_writes_is_found` on a real server"),
        ("18 mistakes in the scripts", "found by `DifferentialTests.A_planted_bug_is_found`, the scripts against these transitions"),
    ];

    private static Bug Simulated(string name, string scenario) => new(name, () => new SimulatedBug(name), scenario);
}
