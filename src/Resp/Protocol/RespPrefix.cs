namespace Sluice.Resp;

/// <summary>The first byte of a value: what it is.</summary>
public enum RespPrefix : byte
{
    /// <summary>No value.</summary>
    None = 0,

    /// <summary><c>+</c>: a short string without line breaks.</summary>
    SimpleString = (byte)'+',

    /// <summary><c>-</c>: an error of one line.</summary>
    SimpleError = (byte)'-',

    /// <summary><c>:</c>: a signed number of 64 bits.</summary>
    Integer = (byte)':',

    /// <summary><c>$</c>: any bytes; also RESP2's null.</summary>
    BulkString = (byte)'$',

    /// <summary><c>*</c>: a list of values; also RESP2's null list.</summary>
    Array = (byte)'*',

    /// <summary><c>_</c>: RESP3's null.</summary>
    Null = (byte)'_',

    /// <summary><c>#</c>: true or false.</summary>
    Boolean = (byte)'#',

    /// <summary><c>,</c>: a floating point number, infinities and not-a-number included.</summary>
    Double = (byte)',',

    /// <summary><c>(</c>: an integer of any size.</summary>
    BigNumber = (byte)'(',

    /// <summary><c>!</c>: an error of any bytes.</summary>
    BulkError = (byte)'!',

    /// <summary><c>=</c>: a string that says in three letters how it is formatted.</summary>
    VerbatimString = (byte)'=',

    /// <summary><c>%</c>: pairs of key and value.</summary>
    Map = (byte)'%',

    /// <summary><c>~</c>: a list without order.</summary>
    Set = (byte)'~',

    /// <summary><c>|</c>: pairs that say something about the value that follows.</summary>
    Attribute = (byte)'|',

    /// <summary><c>&gt;</c>: a message that is no reply.</summary>
    Push = (byte)'>',
}
