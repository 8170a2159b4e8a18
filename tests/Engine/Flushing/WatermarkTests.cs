using FsCheck;
using FsCheck.Fluent;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Flushing;

/// <summary>
/// Sources and flush epochs under random schedules: merges that are slow between reading the epoch and counting it, entries that are dirty already,
/// items that are folded, and acknowledgements in any order.
/// </summary>
public sealed class WatermarkTests
{
    private static readonly Arbitrary<int[]> Schedules = Arb.From(Gen.Choose(0, (1 << 24) - 1).ArrayOf().Resize(200), Shorter);

    // Prevents that a broker forgets an event which then is lost in a crash.
    [Fact]
    public void A_watermark_never_passes_an_event_that_is_not_acknowledged_and_reaches_the_end() =>
        Prop.ForAll(Schedules, static schedule => new Schedule(sources: 2, keys: 3).Run(schedule))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(3_000).WithReplay(20260, 21));

    // The epochs' ring has to be left behind for this: a merge that slept meanwhile is counted for a later epoch than its source had noted.
    [Fact]
    public void A_merge_that_sleeps_longer_than_the_ring_of_epochs_is_not_passed()
    {
        FlushEpochs epochs = new();
        EventSource source = new("slow", AckMode.AfterFlush, OnFenced.Resend, 0, epochs);
        SourcePosition slow = source.At(1);
        for (int i = 0; i < FlushEpochs.Window * 2; i++)
            Assert.True(epochs.TryAdvance());
        long counted = epochs.Add(slow.Epoch);
        source.At(2);
        Assert.Equal(0, source.Watermark);
        source.Advance(2);
        Assert.Equal(0, source.Watermark);
        epochs.Remove(counted);
        Assert.True(epochs.TryAdvance());
        Assert.Equal(2, source.Watermark);
    }

    [Fact]
    public void The_last_position_may_have_slept_as_long()
    {
        FlushEpochs epochs = new();
        EventSource source = new("slow", AckMode.AfterFlush, OnFenced.Resend, 0, epochs);
        SourcePosition slow = source.At(1);
        for (int i = 0; i < FlushEpochs.Window * 2; i++)
            Assert.True(epochs.TryAdvance());
        long counted = epochs.Add(slow.Epoch);
        source.Advance(1);
        Assert.Equal(0, source.Watermark);
        epochs.Remove(counted);
        Assert.True(epochs.TryAdvance());
        Assert.Equal(1, source.Watermark);
    }

    // Prevents that an event is merged at a position that the broker may have forgotten already.
    [Fact]
    public void A_position_that_was_declared_merged_is_not_given_out_again()
    {
        EventSource source = new("back", AckMode.AfterFlush, OnFenced.Resend, 0, new FlushEpochs());
        source.At(3);
        source.Advance(7);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.At(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => source.At(7));
        Assert.Equal(8, source.At(8).Position);
    }

    private static IEnumerable<int[]> Shorter(int[] schedule)
    {
        for (int part = Math.Max(schedule.Length / 2, 1); part > 0; part /= 2)
        {
            for (int at = 0; at < schedule.Length; at += part)
                yield return [.. schedule[..at], .. schedule[Math.Min(at + part, schedule.Length)..]];
        }
    }

    private sealed class Schedule(int sources, int keys)
    {
        private readonly FlushEpochs _epochs = new();
        private readonly List<(EventSource Source, HashSet<long> Unacknowledged, List<Task> Waits)> _sources = [];
        private readonly (long Epoch, List<(int Source, long Position)> Events)[] _entries = new (long, List<(int, long)>)[keys];
        private readonly List<(PendingItem Item, List<(int Source, long Position)> Events)> _items = [];
        private readonly (int Key, SourcePosition Place)?[] _merging = new (int, SourcePosition)?[sources];
        private readonly long[] _positions = new long[sources];
        private readonly long[] _watermarks = new long[sources];

        public void Run(int[] schedule)
        {
            for (int i = 0; i < sources; i++)
                _sources.Add((new EventSource($"source {i}", AckMode.AfterFlush, OnFenced.Resend, 1, _epochs), [], []));
            for (int i = 0; i < keys; i++)
                _entries[i] = (0, []);
            foreach (int step in schedule)
            {
                Take(step % 16, (step >> 4) % sources, (step >> 8) % keys, step >> 12);
                Check();
            }

            Finish();
        }

        private void Take(int kind, int source, int key, int argument)
        {
            switch (kind)
            {
                case 0 or 1 or 2 or 3 or 4:
                    Land(source);
                    _positions[source] += argument % 7 == 0 ? 3 : 1;
                    _merging[source] = (key, _sources[source].Source.At(_positions[source]));
                    _sources[source].Unacknowledged.Add(_positions[source]);
                    if (argument % 3 != 0)
                        Land(source);
                    break;
                case 5:
                    Land(source);
                    break;
                case 6 or 7:
                    Flush(key, argument);
                    break;
                case 8 or 9:
                    _epochs.TryAdvance();
                    for (int i = 0; i < keys; i++)
                        Flush(i, argument >> i);
                    break;
                case 10 or 11 or 12 or 13 when _items.Count != 0:
                    Acknowledge(argument % _items.Count);
                    break;
                case 14:
                    Land(source);
                    _sources[source].Source.Advance(_positions[source]);
                    break;
                case 15 when argument % 16 == 0:
                    for (int i = 0; i < FlushEpochs.Window + 10; i++)
                        _epochs.TryAdvance();
                    break;
                default:
                    Land(source);
                    _sources[source].Waits.Add(_sources[source].Source.WaitForAsync(_positions[source], CancellationToken.None).AsTask());
                    break;
            }
        }

        /// <summary>A merge reaches its entry, which may be dirty already and then keeps the older epoch.</summary>
        private void Land(int source)
        {
            if (_merging[source] is not { } merge)
                return;
            _merging[source] = null;
            ref (long Epoch, List<(int Source, long Position)> Events) entry = ref _entries[merge.Key];
            if (entry.Epoch == 0 || merge.Place.Epoch < entry.Epoch)
            {
                long before = entry.Epoch;
                entry.Epoch = _epochs.Add(merge.Place.Epoch);
                if (before != 0)
                    _epochs.Remove(before);
            }

            entry.Events.Add((source, merge.Place.Position));
        }

        /// <summary>An entry hands its delta over: to an item of its own, or folded into one that waits.</summary>
        private void Flush(int key, int argument)
        {
            ref (long Epoch, List<(int Source, long Position)> Events) entry = ref _entries[key];
            if (entry.Epoch == 0)
                return;
            if (argument % 2 == 0 && _items.Count != 0)
            {
                _items[argument / 2 % _items.Count].Item.TakeEpoch(entry.Epoch, _epochs);
                _items[argument / 2 % _items.Count].Events.AddRange(entry.Events);
            }
            else
            {
                PendingItem item = new(Sluice.Coordination.ResourceKey.Of("any"));
                item.TakeEpoch(entry.Epoch, _epochs);
                _items.Add((item, [.. entry.Events]));
            }

            entry = (0, []);
        }

        private void Acknowledge(int which)
        {
            (PendingItem item, List<(int Source, long Position)> events) = _items[which];
            _items.RemoveAt(which);
            foreach ((int source, long position) in events)
                _sources[source].Unacknowledged.Remove(position);
            item.ReturnEpoch(_epochs);
            foreach ((EventSource source, _, _) in _sources)
                source.Refresh();
        }

        private void Check()
        {
            for (int i = 0; i < sources; i++)
            {
                long watermark = _sources[i].Source.Watermark;
                Assert.True(watermark >= _watermarks[i], "a watermark went back");
                Assert.DoesNotContain(_sources[i].Unacknowledged, position => position <= watermark);
                _watermarks[i] = watermark;
            }
        }

        private void Finish()
        {
            for (int i = 0; i < sources; i++)
            {
                Land(i);
                _sources[i].Source.Advance(_positions[i]);
            }

            for (int i = 0; i < keys; i++)
                Flush(i, 1);
            while (_items.Count != 0)
                Acknowledge(_items.Count - 1);
            _epochs.TryAdvance();
            Check();
            for (int i = 0; i < sources; i++)
            {
                Assert.Equal(_positions[i], _sources[i].Source.Watermark);
                Assert.True(Task.WhenAll(_sources[i].Waits).Wait(TimeSpan.FromSeconds(30)), "somebody waits for ever for a watermark that was reached");
            }
        }
    }
}
