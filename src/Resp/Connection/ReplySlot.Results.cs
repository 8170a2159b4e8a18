namespace Sluice.Resp.Connection;

internal sealed partial class ReplySlot
{
    private ReplyKind _kind;
    private long _number;
    private object? _object;
    private Memory<byte> _destination;
    private ReplyCollector? _collector;
    private int _expected = 1;
    private int _collected;
    private bool _isNull;
    private RespServerException? _precedingFailure;

    /// <summary>Where the reader copies the bytes to, for <see cref="ReplyKind.IntoBuffer"/>. Before the slot is sent.</summary>
    public void SetDestination(Memory<byte> destination) => _destination = destination;

    /// <summary>Who takes the replies, for <see cref="ReplyKind.Collected"/>. Before the slot is sent.</summary>
    public void SetCollector(ReplyCollector collector)
    {
        _collector = collector;
        // Kept here: an abandoned slot counts its replies when its collector already serves somebody else.
        _expected = collector.Expected;
    }

    /// <summary>The command's reply comes behind so many others, of which only a failure interests. Before the slot is sent.</summary>
    public void ExpectBefore(int replies) => _expected = replies + 1;

    /// <summary>
    /// Takes one reply. The reader thread only. A reply of the wrong type, or an error of the server, fails the command and not the connection.
    /// </summary>
    public ReplyProgress Accept(ref RespReader reply)
    {
        int index = _collected++;
        bool isLast = index + 1 == _expected;
        if (!TryClaim())
            return isLast ? ReplyProgress.Drained : ReplyProgress.More;

        try
        {
            if (_kind == ReplyKind.Collected)
            {
                _collector!.Collect(index, ref reply);
                // It may ask for more, never for less: what was sent is answered, even if the collector was cleared meanwhile and serves somebody else.
                _expected = Math.Max(_expected, _collector.Expected);
                isLast = index + 1 == _expected;
                if (!isLast)
                {
                    Unclaim();
                    return ReplyProgress.More;
                }
            }
            else if (!isLast)
            {
                _precedingFailure ??= reply.ToException();
                Unclaim();
                return ReplyProgress.More;
            }
            else if (reply.IsError)
            {
                RespServerException error = reply.ToException()!;
                if (Fallback?.Answers(error) == true)
                {
                    _collected = 0;
                    Unclaim();
                    return ReplyProgress.Refused;
                }

                _failure = _precedingFailure is null ? error : new RespServerException(error.Text, _precedingFailure);
            }
            else
            {
                Store(ref reply);
            }
        }
        catch (Exception fault)
        {
            _failure = fault;
            if (!isLast)
            {
                // It has its failure, and keeps its place for the replies that are still to come.
                Settle();
                _dispatcher!.Post(this);
                return ReplyProgress.More;
            }
        }

        Settle();
        return ReplyProgress.Settled;
    }

    private void Store(ref RespReader reply)
    {
        switch (_kind)
        {
            case ReplyKind.Int64:
                _number = reply.ReadInt64();
                break;
            case ReplyKind.Boolean:
                _number = reply.IsNull ? 0 : reply.Prefix == RespPrefix.SimpleString ? 1 : reply.Prefix == RespPrefix.Integer ? reply.ReadInt64() : reply.ReadBoolean() ? 1 : 0;
                break;
            case ReplyKind.Double:
                _number = BitConverter.DoubleToInt64Bits(reply.ReadDouble());
                break;
            case ReplyKind.IntoBuffer:
                StoreBytes(ref reply);
                break;
            case ReplyKind.Lease:
                _object = RentBytes(ref reply);
                break;
            case ReplyKind.Text:
                _object = reply.IsNull ? null : reply.ReadString();
                break;
            case ReplyKind.Value:
                _object = RespValue.Read(ref reply);
                break;
            case ReplyKind.NullableInt64:
                _isNull = reply.IsNull;
                _number = _isNull ? 0 : reply.ReadInt64();
                break;
            case ReplyKind.NullableDouble:
                _isNull = reply.IsNull;
                _number = _isNull ? 0 : BitConverter.DoubleToInt64Bits(reply.ReadDouble());
                break;
            case ReplyKind.Int64Array:
                _object = ReadIntegers(ref reply);
                break;
            case ReplyKind.TextArray:
                _object = ReadTexts(ref reply);
                break;
            case ReplyKind.Frame:
                _object = RentFrame(ref reply);
                break;
            default:
                break;
        }
    }

    private void StoreBytes(ref RespReader reply)
    {
        if (reply.IsNull)
        {
            _number = -1;
            return;
        }

        if (reply.ByteLength > _destination.Length)
            throw new RespBufferException(reply.ByteLength, _destination.Length);
        _number = reply.CopyTo(_destination.Span);
    }

    private static RespLease RentBytes(ref RespReader reply)
    {
        if (reply.IsNull)
            return RespLease.Null;
        RespLease lease = RespLease.Rent(checked((int)reply.ByteLength));
        reply.CopyTo(lease.Memory.Span);
        return lease;
    }

    private static RespLease RentFrame(ref RespReader reply)
    {
        RespLease lease = RespLease.Rent(checked((int)reply.FrameLength));
        reply.CopyFrameTo(lease.Memory.Span);
        return lease;
    }

    private static long[]? ReadIntegers(ref RespReader reply)
    {
        if (reply.IsNull)
            return null;
        if (!reply.IsAggregate)
            throw reply.Unexpected("an array");
        long[] integers = new long[reply.Count];
        int index = 0;
        foreach (RespReader child in reply.Children)
            integers[index++] = child.ReadInt64();
        return integers;
    }

    private static string?[]? ReadTexts(ref RespReader reply)
    {
        if (reply.IsNull)
            return null;
        if (!reply.IsAggregate)
            throw reply.Unexpected("an array");
        string?[] texts = new string?[reply.Count];
        int index = 0;
        foreach (RespReader child in reply.Children)
        {
            child.ThrowIfError();
            texts[index++] = child.ReadString();
        }

        return texts;
    }
}
