namespace Sluice.Resp.Transport;

/// <summary>
/// Whether to ask a few times more before sleeping. Falling asleep and being woken costs more processor time than a short wait awake, if the wait is short;
/// if it is not, asking is lost. So: spin as long as it pays, and after some waits in vain leave it for a while, each time for longer.
/// </summary>
/// <remarks>A mutable value: keep it in a field. Not thread-safe.</remarks>
internal struct SpinPolicy
{
    private const int VainLimit = 8;
    private const int ShortestPause = 64;
    private const int LongestPause = 4096;

    private int _vain;
    private int _pause;
    private int _lastPause;

    /// <summary>Before a wait: true to spin first. Then say how it went.</summary>
    public bool ShouldSpin()
    {
        if (_pause == 0)
            return true;
        _pause--;
        return false;
    }

    /// <summary>The wait ended while spinning.</summary>
    public void Paid() => _vain = _lastPause = 0;

    /// <summary>Nothing came while spinning.</summary>
    public void Lost()
    {
        if (++_vain < VainLimit)
            return;
        _vain = 0;
        _pause = _lastPause = Math.Clamp(_lastPause * 2, ShortestPause, LongestPause);
    }
}
