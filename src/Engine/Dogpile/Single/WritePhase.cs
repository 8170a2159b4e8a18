using Sluice.Dogpiling;

namespace Sluice;

/// <summary>What the creator of a <see cref="SyncReaderDogpile{TValue}"/> enters before it replaces what readers use.</summary>
/// <remarks>Belongs to one creation: it may be used by any thread until the creator has returned, not after.</remarks>
public sealed class WritePhase
{
    private readonly AsyncReaderWriterLock _lock;
    private bool _isInside;

    internal WritePhase(AsyncReaderWriterLock readers) => _lock = readers;

    /// <summary>
    /// Waits until current readers have left, and holds new ones back until the creator's value is the one they get (or the creator has failed). Prepare
    /// the new value before, and only swap after. Entering twice does nothing.
    /// </summary>
    /// <param name="cancellation">The creator's own token, so that a creation that nobody waits for any more does not wait for readers.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; the phase has not been entered.</exception>
    public async ValueTask EnterAsync(CancellationToken cancellation)
    {
        if (_isInside)
            return;
        await _lock.EnterWriteAsync(cancellation).ConfigureAwait(false);
        _isInside = true;
    }

    internal void Leave()
    {
        if (_isInside)
            _lock.LeaveWrite();
        _isInside = false;
    }
}
