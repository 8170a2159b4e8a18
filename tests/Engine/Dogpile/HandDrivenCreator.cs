using System.Threading.Channels;

namespace Sluice.Tests.Dogpiling;

/// <summary>A creator whose creations begin when they are asked for and end when the test says so. Notices two at once.</summary>
internal sealed class HandDrivenCreator
{
    private readonly Channel<Begun> _begun = Channel.CreateUnbounded<Begun>();
    private int _running;
    private int _calls;
    private int _mostAtOnce;

    /// <summary>How often it was asked to create.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>The most creations that ran at the same time.</summary>
    public int MostAtOnce => Volatile.Read(ref _mostAtOnce);

    public async ValueTask<int> CreateAsync(CancellationToken token)
    {
        int running = Interlocked.Increment(ref _running);
        int most;
        while (running > (most = MostAtOnce) && Interlocked.CompareExchange(ref _mostAtOnce, running, most) != most)
        {
            // another thread noted another number
        }

        try
        {
            Begun begun = new(Interlocked.Increment(ref _calls), token);
            _begun.Writer.TryWrite(begun);
            return await begun.Outcome.Task;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    /// <summary>The next creation that has begun and was not returned yet.</summary>
    public ValueTask<Begun> NextAsync(CancellationToken cancellation) => _begun.Reader.ReadAsync(cancellation);

    /// <summary>The same, or null when none has begun.</summary>
    public Begun? TryNext() => _begun.Reader.TryRead(out Begun? begun) ? begun : null;

    /// <summary>One creation under way.</summary>
    internal sealed class Begun(int number, CancellationToken token)
    {
        public int Number => number;

        public CancellationToken Token => token;

        public TaskCompletionSource<int> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
