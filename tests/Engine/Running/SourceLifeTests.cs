using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>Who may move a watermark, who waits for it, and how sources end.</summary>
public sealed class SourceLifeTests
{
    // The producer is between At and its merge while another thread waits for what is to come. The wait used to say that the merge had returned: the broker
    // was told to forget an event that was nowhere.
    [Fact]
    public async Task Waiting_for_what_is_still_to_come_does_not_move_the_watermark()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        foreach (AckMode mode in Enum.GetValues<AckMode>())
        {
            EventSource source = worker.Engine.OpenSource(mode.ToString(), mode, start: 1);
            SourcePosition merging = source.At(1);

            Task waiting = source.WaitForAsync(5, Stage.Cancellation).AsTask();
            await worker.Engine.FlushAsync(Stage.Cancellation);
            Assert.Equal(0, source.Watermark);
            Assert.True(worker.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, merging));
            Assert.Equal(1, source.At(1).Position); // and the message can still be merged into another aggregate
            source.Advance(5);
            await worker.Engine.FlushAsync(Stage.Cancellation);

            await waiting.WaitAsync(Stage.Cancellation);
            Assert.Equal(5, source.Watermark);
        }
    }

    // A consumer that waits with a time limit, message by message, must not leave anything behind each time.
    [Fact]
    public async Task A_wait_that_is_cancelled_leaves_no_waiter_and_the_watermark_moves_on()
    {
        EventSource source = new("orders", AckMode.AfterFlush, OnFenced.Resend, 1, new FlushEpochs());
        using CancellationTokenSource impatience = new();
        Task[] waits = [.. Enumerable.Range(0, 100).Select(_ => source.WaitForAsync(5, impatience.Token).AsTask())];
        Task patient = source.WaitForAsync(5, TestContext.Current.CancellationToken).AsTask();
        Assert.Equal(101, source.Waiters);

        await impatience.CancelAsync();

        foreach (Task wait in waits)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        Assert.Equal(1, source.Waiters);
        source.Advance(5);
        await patient;
        Assert.Equal((5, 0), (source.Watermark, source.Waiters));
    }

    // The watermark of a source looks at the epochs of its own engine: merged into another, the event would be done before anybody has it.
    [Fact]
    public async Task A_source_of_another_engine_is_refused_by_every_way_to_merge()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        Worker stranger = await stage.StartWorkerAsync();
        SourcePosition at = stranger.Engine.OpenSource("orders", start: 1).At(1);
        Visit.Event one = new() { Hits = 1 };

        ArgumentException[] errors =
        [
            Assert.Throws<ArgumentException>(() => worker.Visits.TryMerge("k", one, at)),
            Assert.Throws<ArgumentException>(() => worker.Visits.TryMerge([new("k", one)], at)),
            await Assert.ThrowsAsync<ArgumentException>(async () => await worker.Visits.MergeAsync("k", one, at, Stage.Cancellation)),
        ];

        Assert.All(errors, static error => Assert.Contains("'orders' belongs to another engine", error.Message, StringComparison.Ordinal));
        Assert.Equal(0, worker.Visits.Merges);
        Assert.True(stranger.Visits.TryMerge("k", one, at));
    }

    // The coordinator is away for hours, and consumers go on: what a source notes is bounded by the ring of epochs, not by the events.
    [Fact]
    public void Notes_are_bounded_although_nothing_is_acknowledged()
    {
        FlushEpochs epochs = new();
        EventSource source = new("orders", AckMode.AfterFlush, OnFenced.Resend, 1, epochs);
        long first = epochs.Add(source.At(1).Epoch);
        for (int position = 2; position < FlushEpochs.Window * 4; position++)
        {
            source.At(position);
            epochs.TryAdvance(); // false when the ring is full: the epoch lasts longer
        }

        Assert.InRange(source.Notes, 1, FlushEpochs.Window + 1);
        Assert.Equal(0, source.Watermark);

        // And when nothing is pending, with nobody looking at the watermark.
        epochs.Remove(first);
        for (int position = FlushEpochs.Window * 4; position < FlushEpochs.Window * 8; position++)
        {
            source.At(position);
            Assert.True(epochs.TryAdvance());
        }

        Assert.InRange(source.Notes, 1, FlushEpochs.Window + 1);
    }

    // Who waits for a source that nobody looks at any more used to wait for ever.
    [Fact]
    public async Task Disposal_releases_everything_and_everybody_and_ends_the_watermark()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        EventSource source = worker.Engine.OpenSource("orders", start: 1);
        Assert.True(worker.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(1)));
        await worker.Engine.FlushAsync(Stage.Cancellation);
        source.Advance(1);
        Assert.True(worker.Visits.TryMerge("k", new Visit.Event { Hits = 2 }, source.At(2)));
        Task waiting = source.WaitForAsync(2, Stage.Cancellation).AsTask();

        source.Dispose();
        source.Dispose();

        ObjectDisposedException error = await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Stage.Cancellation));
        Assert.Contains("'orders'", error.Message, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => source.At(3));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await source.WaitForAsync(2, Stage.Cancellation));
        await source.WaitForAsync(1, Stage.Cancellation);
        Assert.Equal((0, 0), (source.Notes, source.Waiters));

        // What was merged is flushed all the same, and says nothing to the source any more.
        await worker.Engine.FlushAsync(Stage.Cancellation);
        Assert.Equal(3, (await worker.Visits.PeekAsync("k", Stage.Cancellation))!.Hits);
        Assert.Equal((1, false), (source.Watermark, source.IsFenced));
    }

    // A clean stop flushes everything: its sources are done. One at the deadline is not, and has to say so to who waits.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stop_answers_everybody_who_waits_for_a_watermark(bool hangs)
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        EventSource source = worker.Engine.OpenSource("orders", start: 1);
        Assert.True(worker.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(1)));
        Task waiting = source.WaitForAsync(1, Stage.Cancellation).AsTask();
        if (hangs)
            stage.Coordinator.Hold(static _ => true);

        ShutdownReport report = await stage.DriveAsync(
            worker.Engine.StopAsync(hangs ? TimeSpan.FromSeconds(1) : Timeout.InfiniteTimeSpan, Stage.Cancellation), TimeSpan.FromSeconds(1));

        Assert.Equal(!hangs, report.IsClean);
        if (hangs)
            await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Stage.Cancellation));
        else
            await waiting.WaitAsync(Stage.Cancellation);
        Assert.Equal(hangs ? 0 : 1, source.Watermark);
        Assert.Throws<ObjectDisposedException>(() => source.At(2));
        Assert.Throws<ObjectDisposedException>(() => worker.Engine.OpenSource("late"));
    }
}
