using FsCheck;
using FsCheck.Fluent;
using Sluice.Dogpiling;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>The lock beside a model of its phases, and on threads.</summary>
public sealed class AsyncReaderWriterLockTests
{
    private static readonly Arbitrary<int[]> Histories = Arb.From(Gen.Choose(0, (1 << 16) - 1).ArrayOf().Resize(80));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Readers_share_and_a_writer_is_alone()
    {
        AsyncReaderWriterLock subject = new();
        await subject.EnterReadAsync(Cancellation);
        await subject.EnterReadAsync(Cancellation);
        Task writer = subject.EnterWriteAsync(Cancellation).AsTask();
        subject.LeaveRead();
        Assert.Equal((1, false, 0, 1), subject.State);
        subject.LeaveRead();
        await writer;
        Assert.Equal((0, true, 0, 0), subject.State);
        subject.LeaveWrite();
        Assert.Equal((0, false, 0, 0), subject.State);
    }

    // An endless stream of readers must not keep a writer out, nor an endless stream of writers a reader.
    [Fact]
    public async Task Phases_alternate_so_nobody_starves()
    {
        AsyncReaderWriterLock subject = new();
        await subject.EnterReadAsync(Cancellation);
        Task firstWriter = subject.EnterWriteAsync(Cancellation).AsTask();
        Task secondWriter = subject.EnterWriteAsync(Cancellation).AsTask();
        Task[] readers = [.. Enumerable.Range(0, 3).Select(_ => subject.EnterReadAsync(Cancellation).AsTask())];
        Assert.False(subject.TryEnterRead());

        subject.LeaveRead();
        await firstWriter;
        Assert.DoesNotContain(readers, reader => reader.IsCompleted);
        subject.LeaveWrite();
        await Task.WhenAll(readers);
        Assert.False(secondWriter.IsCompleted);
        foreach (Task _ in readers)
            subject.LeaveRead();
        await secondWriter;
        subject.LeaveWrite();
    }

    // Readers were held back for a writer that has given up: nobody else would come to let them in.
    [Fact]
    public async Task The_last_waiting_writer_that_gives_up_lets_the_readers_in()
    {
        AsyncReaderWriterLock subject = new();
        await subject.EnterReadAsync(Cancellation);
        using CancellationTokenSource impatient = new();
        Task writer = subject.EnterWriteAsync(impatient.Token).AsTask();
        Task reader = subject.EnterReadAsync(Cancellation).AsTask();
        Assert.False(reader.IsCompleted);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writer);
        await reader;
        Assert.Equal((2, false, 0, 0), subject.State);
    }

    [Fact]
    public async Task Who_gives_up_after_being_let_in_is_inside()
    {
        AsyncReaderWriterLock subject = new();
        await subject.EnterReadAsync(Cancellation);
        using CancellationTokenSource late = new();
        Task writer = subject.EnterWriteAsync(late.Token).AsTask();
        subject.LeaveRead();
        await late.CancelAsync();
        await writer;
        Assert.Equal((0, true, 0, 0), subject.State);
    }

    // Every history of entering, leaving and giving up, against the table of the lock's own documentation.
    [Fact]
    public void Every_history_follows_the_phases() =>
        Prop.ForAll(Histories, history => RunAsync(history).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(500).WithReplay(20262, 5));

    // Real threads: a writer that is not alone, or a thread that is left waiting.
    [Fact]
    public async Task On_many_threads_a_writer_is_alone_and_everybody_gets_in()
    {
        AsyncReaderWriterLock subject = new();
        int readers = 0, writers = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(
            async () =>
            {
                Random random = new(worker);
                for (int i = 0; i < 4000; i++)
                {
                    using CancellationTokenSource cancellation = new();
                    bool isWriter = random.Next(4) == 0;
                    Task entering = isWriter ? subject.EnterWriteAsync(cancellation.Token).AsTask() : subject.EnterReadAsync(cancellation.Token).AsTask();
                    if (random.Next(3) == 0)
                        await cancellation.CancelAsync();
                    try
                    {
                        await entering;
                    }
                    catch (OperationCanceledException)
                    {
                        continue;
                    }

                    if (isWriter)
                    {
                        Assert.Equal(1, Interlocked.Increment(ref writers));
                        Assert.Equal(0, Volatile.Read(ref readers));
                        Interlocked.Decrement(ref writers);
                        subject.LeaveWrite();
                    }
                    else
                    {
                        Interlocked.Increment(ref readers);
                        Assert.Equal(0, Volatile.Read(ref writers));
                        if (random.Next(8) == 0)
                            await Task.Yield();
                        Interlocked.Decrement(ref readers);
                        subject.LeaveRead();
                    }
                }
            },
            Cancellation)));
        Assert.Equal((0, false, 0, 0), subject.State);
    }

    private static async Task RunAsync(int[] history)
    {
        AsyncReaderWriterLock subject = new();
        List<Entrant> queued = [];
        List<bool> inside = [];
        foreach (int step in history)
        {
            int pick = step >> 3;
            switch (step % 8)
            {
                case 0 or 1 or 2:
                    Enter(isWriter: false);
                    break;
                case 3:
                    Enter(isWriter: true);
                    break;
                case 4 or 5 or 6 when inside.Count > 0:
                    bool wasWriter = inside[pick % inside.Count];
                    inside.RemoveAt(pick % inside.Count);
                    if (wasWriter)
                        subject.LeaveWrite();
                    else
                        subject.LeaveRead();
                    await LetInAsync(afterWriter: wasWriter);
                    break;
                case 7 when queued.Count > 0:
                    Entrant quitter = queued[pick % queued.Count];
                    queued.Remove(quitter);
                    await quitter.Cancellation.CancelAsync();
                    await Assert.ThrowsAnyAsync<OperationCanceledException>(() => quitter.Entering);
                    if (!inside.Contains(true) && !queued.Any(entrant => entrant.IsWriter))
                        await AdmitAsync([.. queued]);
                    break;
                default:
                    break;
            }

            Assert.All(queued, entrant => Assert.False(entrant.Entering.IsCompleted));
            Assert.Equal(
                (inside.Count(isWriter => !isWriter), inside.Contains(true), queued.Count(entrant => !entrant.IsWriter), queued.Count(entrant => entrant.IsWriter)),
                subject.State);
            Assert.True(!inside.Contains(true) || inside.Count == 1);
            Assert.True(queued.Count == 0 || inside.Count > 0, "Somebody waits for nobody.");
        }

        void Enter(bool isWriter)
        {
            Entrant entrant = new(isWriter, subject);
            bool mayEnter = isWriter ? inside.Count == 0 : !inside.Contains(true) && !queued.Any(other => other.IsWriter);
            Assert.Equal(mayEnter, entrant.Entering.IsCompletedSuccessfully);
            if (mayEnter)
                inside.Add(isWriter);
            else
                queued.Add(entrant);
        }

        async Task LetInAsync(bool afterWriter)
        {
            if (inside.Count > 0)
                return;
            Entrant[] readers = [.. queued.Where(entrant => !entrant.IsWriter)];
            if (afterWriter && readers.Length > 0)
                await AdmitAsync(readers);
            else if (queued.FirstOrDefault(entrant => entrant.IsWriter) is { } writer)
                await AdmitAsync([writer]);
        }

        async Task AdmitAsync(Entrant[] entrants)
        {
            foreach (Entrant entrant in entrants)
            {
                await entrant.Entering;
                queued.Remove(entrant);
                inside.Add(entrant.IsWriter);
            }
        }
    }

    private sealed class Entrant
    {
        public Entrant(bool isWriter, AsyncReaderWriterLock subject)
        {
            IsWriter = isWriter;
            Entering = isWriter ? subject.EnterWriteAsync(Cancellation.Token).AsTask() : subject.EnterReadAsync(Cancellation.Token).AsTask();
        }

        public bool IsWriter { get; }

        public CancellationTokenSource Cancellation { get; } = new();

        public Task Entering { get; }
    }
}
