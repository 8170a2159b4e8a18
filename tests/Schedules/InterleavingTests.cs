using Sluice.Caching;
using Xunit;

namespace Sluice.Schedules;

/// <summary>Small histories in every order in which their steps can happen.</summary>
public sealed class InterleavingTests
{
    private const long Never = long.MaxValue;
    private const string LongestFolding = "fold, flush, and as many merges again";

    /// <summary>By name: what the threads do. The cache has one stripe.</summary>
    private static readonly Dictionary<string, Func<CacheHistory>> Histories = new()
    {
        ["two merges of one key"] = () => new(4, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), () => h.Merge("a")];
        }),
        ["merge and eviction"] = () => new(1, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), () => h.Merge("b")];
        }),
        ["merge, and the place is used for another key"] = () => new(1, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), () => h.Merge("b", "b")];
        }),
        ["merge, and the place is used for the same key again"] = () => new(1, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), () => h.Merge("b", "a")];
        }),
        ["merge and expiry by hand"] = () => new(4, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), () => h.Expire("a")];
        }),
        ["merge and force"] = () => new(4, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), () => h.Expire("a", force: true)];
        }),
        ["merge at the deadline and sweep"] = () => new(4, 100, h =>
        {
            h.Merge("a");
            h.Clock.Advance(100);
            return [() => h.Merge("a"), h.Sweep];
        }),
        ["merge before the deadline, the deadline, sweep"] = () => new(4, 100, h =>
        {
            h.Merge("a");
            h.Clock.Advance(99);
            return
            [
                () => h.Merge("a"),
                () =>
                {
                    h.Clock.Advance(1);
                    h.Sweep();
                },
            ];
        }),
        ["merge and flush of the key"] = () => new(4, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), () => h.Flush("a")];
        }),
        ["merge and flush of everything"] = () => new(4, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), h.FlushDirty];
        }),
        ["flush and expiry"] = () => new(4, Never, h =>
        {
            h.Merge("a");
            return [() => h.Flush("a"), () => h.Expire("a")];
        }),
        ["merge and close"] = () => new(4, Never, h =>
        {
            h.Merge("a");
            return [() => h.Merge("a"), h.CloseAndEndAll];
        }),
        ["merge of a new key and close"] = () => new(4, Never, h => [() => h.Merge("a"), h.CloseAndEndAll]),
        ["two merges of a new key"] = () => new(4, Never, h => [() => h.Merge("a"), () => h.Merge("a")]),
        ["batch and eviction"] = () => new(2, Never, h =>
        {
            h.Merge("a", "b");
            return [() => h.MergeBatch("a", "b"), () => h.Merge("c")];
        }),
    };

    /// <summary>As above, with a session that has no room for another opaque delta.</summary>
    private static readonly Dictionary<string, Func<FoldingHistory>> Foldings = new()
    {
        // As many deltas as the fold has copied, and others: of all histories the longest, and so with few switches.
        [LongestFolding] = () => new(4, static h =>
        [
            () => h.Merge("a"),
            () =>
            {
                h.Flush("a");
                h.Merge([.. Enumerable.Repeat("a", 16)]);
            },
        ]),
        ["two merges that fold"] = () => new(4, static h => [() => h.Merge("a"), () => h.Merge("a")]),
        ["fold and flush"] = () => new(4, static h => [() => h.Merge("a"), () => h.Flush("a")]),
        ["fold, flush and the next merge"] = () => new(4, static h =>
        [
            () => h.Merge("a"),
            () =>
            {
                h.Flush("a");
                h.Merge("a");
            },
        ]),
        ["fold and expiry"] = () => new(4, static h => [() => h.Merge("a"), () => h.Expire("a")]),
        ["fold, and the place is used for another key"] = () => new(1, static h => [() => h.Merge("a"), () => h.Merge("b")]),
        ["fold, and the place is used for the same key again"] = () => new(1, static h => [() => h.Merge("a"), () => h.Merge("b", "a")]),
    };

    public static TheoryData<string> Names => [.. Histories.Keys];

    public static TheoryData<string> FoldingNames => [.. Foldings.Keys];

    public static TheoryData<string> Bugs => [.. Enum.GetValues<Mutant>().Where(m => m != Mutant.None).Select(m => m.ToString())];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_schedule_of_two_threads_conserves(string name)
    {
        Exploration found = Explorer.Explore(Histories[name], Mutant.None);
        Assert.True(found.Fault is null, $"{found.Fault}, in schedule {found.Schedules}: {string.Join(' ', found.Trace)}");
        Assert.True(found.Schedules > 5, $"Only {found.Schedules} schedules: the points are not reached.");
        TestContext.Current.TestOutputHelper?.WriteLine($"{found.Schedules} schedules");
    }

    [Theory]
    [MemberData(nameof(FoldingNames))]
    public void Every_schedule_of_two_threads_conserves_what_is_folded(string name)
    {
        Exploration found = Explorer.Explore(Foldings[name], Mutant.None, name == LongestFolding ? 2 : int.MaxValue);
        Assert.True(found.Fault is null, $"{found.Fault}, in schedule {found.Schedules}: {string.Join(' ', found.Trace)}");
        Assert.True(found.Schedules > 5, $"Only {found.Schedules} schedules: the points are not reached.");
        TestContext.Current.TestOutputHelper?.WriteLine($"{found.Schedules} schedules");
    }

    [Theory]
    [MemberData(nameof(Bugs))]
    public void Planted_bug_is_found(string bug)
    {
        // With the same checker, and in a history that holds without the bug.
        Mutant mutant = Enum.Parse<Mutant>(bug);
        IEnumerable<(string Name, Func<History> History)> all = Histories.Select(static known => (known.Key, (Func<History>)known.Value))
            .Concat(Foldings.Select(static known => (known.Key, (Func<History>)known.Value)));
        foreach ((string name, Func<History> history) in all)
        {
            Exploration found = Explorer.Explore(history, mutant, mostSwitches: 2);
            if (found.Fault is null)
                continue;
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {found.Fault}, in schedule {found.Schedules}: {string.Join(' ', found.Trace)}");
            return;
        }

        Assert.Fail($"No history found {bug}.");
    }

    [Theory]
    [InlineData(2)]
    public void Three_threads_conserve_with_few_switches(int switches)
    {
        foreach (Func<CacheHistory> history in new Func<CacheHistory>[]
        {
            () => new(1, Never, h =>
            {
                h.Merge("a");
                return [() => h.Merge("a"), () => h.Merge("b"), () => h.Expire("a")];
            }),
            () => new(2, 100, h =>
            {
                h.Merge("a");
                h.Clock.Advance(100);
                return [() => h.Merge("a"), h.FlushDirty, h.Sweep];
            }),
        })
        {
            Exploration found = Explorer.Explore(history, Mutant.None, switches);
            Assert.True(found.Fault is null, $"{found.Fault}, in schedule {found.Schedules}: {string.Join(' ', found.Trace)}");
            Assert.True(found.Schedules > 100);
        }
    }
}
