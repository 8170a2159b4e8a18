using FsCheck;
using FsCheck.Fluent;
using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>Random histories beside a model that knows nothing of stripes, tables and claims.</summary>
public sealed class MergeHistoryTests
{
    private const int Partitions = 4;

    private static readonly string[] Keys = [.. Enumerable.Range(0, 12).Select(i => $"key{i}")];

    /// <summary>Steps are numbers, so that a failing history shrinks to the few steps that matter.</summary>
    private static readonly Arbitrary<int[]> Histories = Arb.From(Gen.Choose(0, (1 << 24) - 1).ArrayOf().Resize(250), Shorter);

    public static TheoryData<long, long, bool> Rules => new()
    {
        { 100, 400, true },
        { 100, 400, false },
        { 100, CacheUnderTest.Never, true },
        { CacheUnderTest.Never, 150, true },
        { 90, 90, false },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void Every_history_gives_the_items_the_model_gives(long soft, long hard, bool holdReferences) =>
        Prop.ForAll(Histories, history => Run(history, soft, hard, holdReferences, capacity: 1000))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(20260, 7));

    [Fact]
    public void Histories_with_many_stripes_give_the_same() =>
        Prop.ForAll(Histories, history => Run(history, 100, 400, holdReferences: true, capacity: 100_000))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(150).WithReplay(20260, 9));

    [Fact]
    public void Histories_with_evictions_conserve_every_field_and_keep_the_bound() =>
        Prop.ForAll(Histories, RunWithEvictions).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(20260, 11));

    private static IEnumerable<int[]> Shorter(int[] history)
    {
        for (int part = history.Length / 2; part > 0; part /= 2)
        {
            for (int at = 0; at < history.Length; at += part)
                yield return [.. history[..at], .. history[Math.Min(at + part, history.Length)..]];
        }
    }

    private static bool Run(int[] history, long soft, long hard, bool holdReferences, int capacity)
    {
        CacheUnderTest t = new(capacity, soft, hard, Partitions, holdReferences);
        SessionModel model = new(soft, hard, Partitions, holdReferences);
        foreach (int step in history)
        {
            string key = Keys[(step >> 4) % Keys.Length];
            int argument = step >> 8;
            long now = t.Clock.NowTicks;
            long current = t.Epochs.Current;
            switch (step % 16)
            {
                case 0 or 1 or 2 or 3 or 4:
                    long epoch = Math.Max(1, current - (argument % 4));
                    Assert.Equal(model.Merge(key, argument, epoch, now), t.Merge(key, argument, epoch));
                    break;
                case 5:
                    Assert.Equal(model.Merge(key, -argument, current, now), t.Merge(key, -argument));
                    break;
                case 6 or 7:
                    t.Clock.Advance(argument % 61);
                    break;
                case 8:
                    bool swept = model.Sweep(now, out int expected);
                    Assert.Equal(swept, t.Cache.TrySweep(out int ended));
                    Assert.Equal(expected, ended);
                    break;
                case 9:
                    Assert.Equal(model.Flush(key), t.Cache.TryFlush(key, waiter: null));
                    break;
                case 10:
                    long upTo = argument % 3 == 0 ? int.MaxValue : current - 1;
                    Assert.Equal(model.FlushDirty(upTo), t.Cache.TryFlushDirty(upTo));
                    break;
                case 11:
                    bool force = argument % 2 == 0;
                    Assert.Equal(model.Expire(key, force), t.Cache.TryExpire(key, force, waiter: null));
                    break;
                case 12:
                    t.Epochs.TryAdvance();
                    break;
                case 13:
                    t.Sink.Fill(argument % Partitions);
                    model.FullPartitions.Add(argument % Partitions);
                    break;
                case 14:
                    t.Sink.Empty();
                    model.FullPartitions.Clear();
                    break;
                default:
                    if (argument % 2 == 0)
                    {
                        Assert.Equal(model.ExpireAll(out int all), t.Cache.TryExpireAll(CompletionReason.Shutdown, out int allEnded));
                        Assert.Equal(all, allEnded);
                    }
                    else
                    {
                        Assert.Equal(model.Discard(), t.Cache.DiscardDeltas());
                    }

                    break;
            }

            AssertSame(model, t);
        }

        return true;
    }

    private static void AssertSame(SessionModel model, CacheUnderTest t)
    {
        List<Taken> items = t.Sink.Drain();
        foreach (Taken item in items.Where(i => i.Epoch != 0))
            t.Epochs.Remove(item.Epoch);

        // A step gives a key at most one item, so the order within the step is free.
        Assert.Equal(
            model.Drain().OrderBy(i => i.Key, StringComparer.Ordinal),
            items.Select(i => i with { Delta = i.Delta with { Sequence = 0 } }).OrderBy(i => i.Key, StringComparer.Ordinal));
        Assert.Equal(model.Count, t.Cache.Count);
        Assert.True(t.Cache.NextDeadline <= model.FirstDeadline, "A sweeper that sleeps until NextDeadline would oversleep.");
        Assert.Equal(model.OldestEpoch(t.Epochs.Current), t.Epochs.OldestPending);
    }

    private static bool RunWithEvictions(int[] history)
    {
        const int capacity = 5;
        CacheUnderTest t = new(capacity, soft: 300, hard: 900, Partitions);
        Dictionary<string, Tally> merged = [];
        List<Taken> items = [];
        long events = 0;
        foreach (int step in history)
        {
            string key = Keys[(step >> 4) % Keys.Length];
            int argument = step >> 8;
            switch (step % 16)
            {
                case < 10:
                    if (t.Merge(key, argument) == MergeAnswer.Merged)
                    {
                        Tally total = merged.GetValueOrDefault(key);
                        total.Add(new Tally { Sum = argument, Max = argument, Count = 1 });
                        merged[key] = total;
                        events++;
                    }

                    break;
                case 10:
                    t.Clock.Advance(argument % 200);
                    break;
                case 11:
                    t.Cache.TrySweep(out _);
                    break;
                case 12:
                    t.Cache.TryFlushDirty(int.MaxValue);
                    break;
                case 13:
                    t.Cache.TryExpire(key, force: argument % 2 == 0, waiter: null);
                    break;
                case 14:
                    t.Sink.Fill(argument % Partitions);
                    break;
                default:
                    t.Sink.Empty();
                    break;
            }

            Assert.InRange(t.Cache.Count, 0, capacity);
            items.AddRange(t.Sink.Drain());
        }

        t.Sink.Empty();
        Assert.True(t.Cache.TryExpireAll(CompletionReason.Shutdown, out _));
        items.AddRange(t.Sink.Drain());
        Dictionary<string, Tally> flushed = [];
        foreach (Taken item in items.Where(i => i.HasDelta))
        {
            Tally total = flushed.GetValueOrDefault(item.Key);
            total.Add(item.Delta with { Sequence = 0 });
            flushed[item.Key] = total;
            t.Epochs.Remove(item.Epoch);
        }

        Assert.Equal(merged.OrderBy(p => p.Key, StringComparer.Ordinal), flushed.OrderBy(p => p.Key, StringComparer.Ordinal));
        Assert.Equal(t.Epochs.Current, t.Epochs.OldestPending);
        MergeCacheCounters counters = t.Cache.Counters;
        Assert.Equal((events, items.Count(i => i.HasDelta)), (counters.Merges, counters.Flushed));
        return true;
    }
}
